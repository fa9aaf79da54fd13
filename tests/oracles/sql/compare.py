"""Runs what `tidings rules sql` prints on real engines and compares every answer and every deadline with ours.

    compare.py TIDINGS FOLDER

Three populations: 100,000 generated citizens under the built-in pack; rows made of edges (month ends, 29 February, the first
and the last date and whole number, NULL) under a pack of conditions that engines are known to differ on; and the same under
dated law, with public holidays, terms and rules of a place. Both packs of edges have milestones and absences of such days.
PostgreSQL is asked where it is installed, and the output says when it is not. Dates past the year 9999 are NULL in SQL;
working days are counted in a table of the years 1950 to 2149 where there are holidays, and not at all by DataFusion.
"""

import csv
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import datafusion
import duckdb
import pyarrow.parquet as parquet

HERE = pathlib.Path(__file__).parent
TEST_PACK = HERE.parents[2] / "rules" / "tests" / "pack"
SEED = 20260101
CITIZENS = 100_000
EDGE_ROWS = 20_000

FACTS = {"a": "int", "b": "int", "d1": "date", "d2": "date", "t1": "text", "t2": "text", "f": "bool", "g": "bool"}
FIELDS = {"d": "date", "n": "int", "text": "text"}
DEADLINES = [
    ("subject.d1", amount, unit, direction)
    for unit, amounts in [("days", [0, 1, 60]), ("months", [1, 12]), ("working_days", [0, 1, 5, 7, 23])]
    for amount in amounts
    for direction in ["after", "before"]
]

EDGES = {
    "int": [-(2**63), -(2**63) + 1, -8, -1, 0, 1, 2, 3, 5, 7, 14, 2**31, 2**62, 2**63 - 1],
    "date": (
        ["0001-01-01", "0001-01-31", "1900-02-28", "1969-12-31", "1970-01-01", "9999-11-30", "9999-12-31"]
        + [f"{year}-{rest}" for year in (2000, 2004, 2006, 2022, 2023, 2024)
           for rest in ("01-30", "01-31", "02-28", "03-01", "03-31", "08-31", "11-30", "12-31")]
        + ["2000-02-29", "2004-02-29", "2024-02-29", "2024-03-02", "2024-03-03", "2024-06-14", "2024-06-17"]
    ),
    "text": ["a", "b", "B", "z", "Z", "ế", "e", "é", "10", "9", 'it\'s "quoted"', "a b"],
    "bool": ["true", "false"],
}


PARAMETERS = """
parameters:
  age:
    title: {vi: Thử, en: Test}
    type: int
    values:
      - {from: "2000-01-01", known: "2000-01-01", value: 18, basis: {law: Thử, article: "1"}}
      - {from: "2024-03-01", known: "2024-01-01", value: 16, basis: {law: Thử, article: "2"}}
  term:
    title: {vi: Thử, en: Test}
    type: int
    values:
      - {from: "2000-01-01", known: "2000-01-01", value: 7, basis: {law: Thử, article: "1"}}
      - {from: "2024-02-29", known: "2024-01-01", value: 3, basis: {law: Thử, article: "2"}}
  lead:
    title: {vi: Thử, en: Test}
    type: int
    values:
      - {from: "2000-01-01", known: "2000-01-01", value: 7, basis: {law: Thử, article: "1"}}
      - {from: "2023-12-31", known: "2023-01-01", value: 31, basis: {law: Thử, article: "2"}}
holidays:
  - year: 2024
    off: ["2024-01-01", "2024-01-02", "2024-02-29", "2024-03-01", "2024-04-30", "2024-05-01", "2024-06-17"]
    working: ["2024-03-02", "2024-06-15"]
    basis: {law: Thử, article: "3"}
"""


# A figure and a rule of one place. The column of places is `t1`.
OVERLAY = """
overlay: place
title: {vi: Thử, en: Test}
owner: {vi: Thử, en: Test}
where: {fact: t1, is: ["a", "ế"]}
parameters:
  term:
    title: {vi: Thử, en: Test}
    type: int
    values: [{from: "2000-01-01", known: "2000-01-01", value: 11, basis: {law: Thử, article: "4"}}]
rules:
  edge:
"""


def clock(law):
    """Milestones of one day and of several, and absences of an event and of a milestone."""
    lead = "law.lead" if law else "31"
    age = "law.age" if law else "18"
    unit = "working_days" if law else "months"
    yield "milestone", "edge-day", f"  date: subject.d2\n  lead: {{amount: {lead}, unit: days}}\nkey: [date]\n", "event.date"
    yield "milestone", "edge-ages", (
        f"  date: add_years(subject.d1, event.age)\n  lead: {{amount: 1, unit: {unit}}}\n  over: {{age: [{age}, 60, 1]}}\n"
        "  data: {other: subject.d2}\nkey: [age]\n"), "event.other"
    yield "absence", "edge-silence", (
        f"  of: edge\n  without: edge-other\n  anchor: event.d\n  within: {{amount: {lead}, unit: {unit}}}\nkey: []\n"
        ), "event.date"
    yield "absence", "edge-same", (
        "  of: edge-day\n  without: edge-other\n  same: [date]\n  anchor: event.opens\n"
        f"  within: {{amount: {lead}, unit: days}}\nkey: []\n"), "event.opens"


def conditions(*files):
    lines = [line for file in files for line in (HERE / file).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("--")]


def edge_pack(folder, law):
    """The test pack with one life event whose rules are the conditions, for the subject or for the spouse."""
    shutil.copytree(TEST_PACK, folder)
    if law:
        (folder / "parameters.yaml").write_text(PARAMETERS, encoding="utf-8")
    facts = folder / "facts.yaml"
    about = "purpose: Thử, ground: Thử, sensitivity: ordinary, retention: 10 years, stale_after: never"
    lines = "".join(f"  {name}: {{type: {kind}, {about}}}\n" for name, kind in FACTS.items())
    text = facts.read_text(encoding="utf-8").replace("facts:\n", "facts:\n" + lines, 1)
    text = text.replace("shows: [birth_date, employed]", "shows: [%s]" % ", ".join(["birth_date", "employed", *FACTS]))
    facts.write_text(text, encoding="utf-8")
    events = folder / "events.yaml"
    fields = ", ".join(f"{name}: {{type: {kind}}}" for name, kind in FIELDS.items())
    events.write_text(
        events.read_text(encoding="utf-8")
        + f"  edge.met:\n    title: {{vi: Thử, en: Test}}\n    data: {{{fields}}}\n"
        + "  edge.other:\n    title: {vi: Thử, en: Test}\n    data: {date: {type: date}}\n",
        encoding="utf-8",
    )
    sources = folder / "sources.yaml"
    text = sources.read_text(encoding="utf-8").replace("[birth.registered,", "[edge.met, edge.other, birth.registered,", 1)
    text = text.replace("facts: [full_name,", "facts: [%s, full_name," % ", ".join(FACTS), 1)
    sources.write_text(text, encoding="utf-8")
    rules = []
    for number, condition in enumerate(conditions("conditions.sql", *["law.sql"] * law)):
        linked = "spouse" in condition or "citizen" in condition
        anchor, amount, unit, direction = DEADLINES[number % len(DEADLINES)]
        amount = "law.term" if law and number % 3 == 0 else amount
        law_of = ["occurrence", "filing", "most_favourable"][number // 3 % 3] if law else "occurrence"
        deadline = (anchor, amount, unit, direction)
        rules.append(rule(f"c{number:02}", condition, "subject.spouse" if linked else "subject", deadline, law_of))
    life_event = "life_event: {name}\ntitle: {{vi: Thử, en: Test}}\non: {on}\n{body}reason: {{vi: Thử., en: Test.}}\n"
    text = life_event.format(name="edge-other", on="[edge.other]", body="key: []\n")
    (folder / "life_events" / "edge-other.yaml").write_text(text, encoding="utf-8")
    for on, name, body, anchor in clock(law):
        text = life_event.format(name=name, on=on, body=f"{on}:\n{body}")
        condition = "subject.a > 0 OR event.time > DATE '2010-01-01'"
        told = [rule(f"{name}-{to.removeprefix('subject.')}", condition, to, (anchor, 7, "days", "after"), "occurrence")
                for to in ("subject", "subject.spouse")]
        (folder / "life_events" / f"{name}.yaml").write_text(text + "rules:\n" + "".join(told), encoding="utf-8")
    if law:
        (folder / "overlays").mkdir()
        with (folder / "pack.yaml").open("a", encoding="utf-8") as file:
            file.write("places: [t1]\n")
        local = [rule(f"local-{place}", "subject.f", to, ("subject.d1", "law.term", "days", "after"), "filing")
                 for place, to in enumerate(["subject", "subject.spouse"])]
        indented = "".join(f"  {line}\n" for text in local for line in text.splitlines())
        (folder / "overlays" / "place.yaml").write_text(OVERLAY + indented, encoding="utf-8")
    (folder / "life_events" / "edge.yaml").write_text(
        "life_event: edge\ntitle: {vi: Thử, en: Test}\non: [edge.met]\nkey: []\n"
        'reason: {vi: "Thử.", en: "Test."}\nrules:\n' + "".join(rules),
        encoding="utf-8",
    )


def rule(key, condition, to, deadline, law_of):
    # A pack does not load without cases. They are not run here: the engines say what is right.
    anchor, amount, unit, direction = deadline
    say = '{what: "Thử.", by_when: "Thử {{ deadline }}."}'
    return f"""  - key: {key}
    service: insurance
    class: suggestion
    level: 1
    to: [{to}]
    law_of: {law_of}
    when: {json.dumps(condition, ensure_ascii=False)}
    deadline: {{anchor: {anchor}, amount: {amount}, unit: {unit}, direction: {direction}}}
    discloses: {{what: [{", ".join(disclosed(condition, anchor))}], ground: Thử}}
    basis: [{{law: Thử, article: "1"}}]
    in_force: {{from: "2000-01-01", to: "2024-06-30"}}
    backfill: open
    say: {{vi: {say}, en: {say}}}
    cases: [{{name: a, on: "2024-01-01", expect: "yes"}}, {{name: b, on: "2024-01-01", expect: "no"}}]
"""


def disclosed(condition, anchor):
    names = re.findall(r"\b(?:event|subject)\.[a-z0-9_.]+", condition) + [anchor]
    return sorted(set(names))


def edge_population(path, law):
    dice = random.Random(SEED)
    # Working days are counted between 1950 and 2149 where there are holidays.
    dates = [date for date in EDGES["date"] if not law or "1960" < date < "2140"]
    edges = EDGES | {"date": dates}
    kinds = {f"subject.{name}": kind for name, kind in FACTS.items()}
    kinds |= {"subject.spouse": "bool"} | {f"subject.spouse.{name}": kind for name, kind in FACTS.items()}
    kinds |= {f"edge:{name}": kind for name, kind in FIELDS.items()} | {"edge:time": "date"}
    kinds |= {"edge-other:time": "date", "edge-other:date": "date"}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", *kinds])
        for row in range(EDGE_ROWS):
            cells = [dice.choice(edges[kind]) if dice.random() < 0.85 else "" for kind in kinds.values()]
            writer.writerow([row, *cells])
    return kinds


class DuckDb:
    name = "duckdb"

    def __init__(self, population):
        self.base = duckdb.connect()
        self.run(f"CREATE TABLE population AS FROM '{population}'")

    def run(self, script):
        self.base.execute(script).fetchall()

    def view(self, name):
        return self.base.sql(f'FROM "{name}"').to_arrow_table()


class DataFusion:
    name = "datafusion"

    def __init__(self, population):
        self.base = datafusion.SessionContext()
        self.base.register_parquet("population", str(population))

    def run(self, script):
        for statement in re.split(r";\n", script):
            if re.sub(r"(?m)^--.*$", "", statement).strip():
                self.base.sql(statement).collect()

    def view(self, name):
        return self.base.sql(f'SELECT * FROM "{name}"').to_arrow_table()


class Postgres:
    name = "postgres"

    def __init__(self, population, folder):
        self.folder = folder
        shutil.chown(folder, "postgres")
        data, self.socket = folder / "data", folder
        self.as_postgres("initdb", "-D", data, "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        self.as_postgres("pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start")
        table = parquet.read_table(population)
        kinds = {"int64": "BIGINT", "date32[day]": "DATE", "string": "TEXT", "bool": "BOOLEAN"}
        columns = ", ".join(f'"{field.name}" {kinds[str(field.type)]}' for field in table.schema)
        rows = folder / "population.csv"
        duckdb.sql(f"COPY (FROM '{population}') TO '{rows}' (HEADER, FORCE_QUOTE *)")
        self.psql(f"CREATE TABLE population ({columns})")
        self.psql(f"\\copy population FROM '{rows}' (FORMAT csv, HEADER, FORCE_NULL ({quoted(table)}))")

    def as_postgres(self, tool, *arguments):
        found = shutil.which(tool) or next(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"))
        subprocess.run(
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", str(found), *map(str, arguments)],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
        )

    def psql(self, command):
        subprocess.run(
            ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "postgres", "-f", "-"],
            input=command, text=True, check=True, stdout=subprocess.DEVNULL,
        )

    def run(self, script):
        self.psql("SET client_min_messages = warning;\n" + script)

    def view(self, name):
        out = self.folder / "view.csv"
        self.psql(f"""\\copy (SELECT * FROM "{name}") TO '{out}' (FORMAT csv, HEADER)""")
        return duckdb.sql(f"FROM read_csv('{out}', header = true, all_varchar = true)").to_arrow_table()

    def close(self):
        self.as_postgres("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


def edge_table(rows, law):
    """The edges in Parquet, with the columns that the rest of the test pack reads, all NULL."""
    kinds = edge_population(rows, law)
    types = {"int": "BIGINT", "date": "DATE", "text": "VARCHAR", "bool": "BOOLEAN"}
    columns = {"row": "BIGINT"} | {name: types[kind] for name, kind in kinds.items()}
    others = {
        "subject.birth_date": "DATE", "subject.province": "VARCHAR", "subject.employed": "BOOLEAN",
        "birth:time": "DATE", "birth:place": "VARCHAR", "birth:born_on": "DATE", "subject.spouse.province": "VARCHAR",
    }
    missing = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in others.items())
    table = rows.with_suffix(".parquet")
    duckdb.sql(f"COPY (SELECT *, {missing} FROM read_csv('{rows}', header = true, columns = {columns})) TO '{table}'")
    return table


def quoted(table):
    return ", ".join(f'"{name}"' for name in table.schema.names)


def compare(engine, answers, script, report):
    """Every answer of ours beside the engine's; how many there were."""
    engine.run(script)
    first, last = report["period"]
    base = duckdb.connect()
    base.execute(f"CREATE TABLE ours AS FROM '{answers}'").fetchall()
    compared = wrong = 0
    life_events = [row[0] for row in base.execute("SELECT DISTINCT life_event FROM ours ORDER BY 1").fetchall()]
    for life_event in life_events:
        if f'"tidings_{life_event}"' not in script:
            print(f"  {engine.name}: {life_event} is left out")
            continue
        base.register("view", engine.view(f"tidings_{life_event}"))
        # What time and silence bring is in a view on whatever day, and counted here in the period.
        within = f"WHERE CAST(time AS DATE) BETWEEN DATE '{first}' AND DATE '{last}'" * (life_event in report["computed"])
        base.execute(f"CREATE OR REPLACE TABLE theirs AS FROM view {within}").fetchall()
        asked = base.execute(
            "SELECT DISTINCT rule, recipient FROM ours WHERE life_event = ? ORDER BY ALL", [life_event]).fetchall()
        names = {row[0] for row in base.execute("DESCRIBE theirs").fetchall()}
        for rule, recipient in asked:
            column = rule if recipient == "subject" else f"{rule}@{recipient.removeprefix('subject.')}"
            # A deadline that a dialect cannot count is left out of its view.
            left_out = f"{column}:deadline" not in names and engine.name == "datafusion"
            deadline = f'CAST(t."{column}:deadline" AS DATE)' if f"{column}:deadline" in names else "NULL"
            # A rule of a place is not asked elsewhere, where its view says no.
            local = rule.startswith("local-")
            within = "o.new_deadline BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
            ours = "NULL" if left_out else f"CASE WHEN {within} THEN o.new_deadline END"
            answer = f'CASE CAST(t."{column}" AS BOOLEAN) WHEN TRUE THEN \'yes\' WHEN FALSE THEN \'no\' ELSE \'unknown\' END'
            rows, different, example = base.execute(
                f"""SELECT count(*), count(*) FILTER (wrong), any_value("row") FILTER (wrong) FROM (
                    SELECT coalesce(o."row", CAST(t."row" AS BIGINT)) AS "row",
                      (coalesce(o.new_answer, {"'no'" if local else "'none'"}) <> {answer} OR t."row" IS NULL
                      OR {ours} IS DISTINCT FROM {deadline}) AS wrong
                    FROM (FROM ours WHERE life_event = ? AND rule = ? AND recipient = ?) o
                    FULL JOIN theirs t ON o."row" = CAST(t."row" AS BIGINT) AND o.new_day = CAST(t.time AS DATE))""",
                [life_event, rule, recipient],
            ).fetchall()[0]
            if different:
                print(f"  {engine.name}: {life_event} {column}: {different} of {rows} differ, row {example}")
            compared += rows
            wrong += different
    return compared, wrong


def main():
    tidings, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()

    def run(*arguments):
        done = subprocess.run([tidings, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"tidings {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done

    print(f"seed {SEED}")
    generated = folder / "generated.parquet"
    run("generate", "--population", generated, "--citizens", CITIZENS, "--seed", SEED)
    cases = [("generated", [], generated)]
    for name, law in [("edges", False), ("dated-law", True)]:
        edge_pack(folder / name, law)
        cases.append((name, [folder / name], edge_table(folder / f"{name}.csv", law)))
    failed = False
    for name, pack, population in cases:
        answers = folder / f"{name}-answers.parquet"
        # Of edges, all of the calendar is studied but its first months: a lead time that begins before year 1 is NULL in SQL.
        days = ["--from", "0001-06-01", "--as-of", "9999-12-31"] if pack else []
        report = json.loads(run("--json", "simulate", *pack, "--population", population, "--out", answers, *days).stdout)
        engines = [DuckDb(population), DataFusion(population)]
        if shutil.which("postgres") or list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")):
            engines.append(Postgres(population, pathlib.Path(tempfile.mkdtemp(dir=folder))))
        else:
            print("  PostgreSQL is not installed, so it is not asked")
        for engine in engines:
            script = run("rules", "sql", *pack, "--dialect", engine.name, "--table", "population").stdout
            try:
                compared, wrong = compare(engine, answers, script, report)
            finally:
                getattr(engine, "close", lambda: None)()
            print(f"{name}, {engine.name}: {compared} answers and deadlines compared, {wrong} different")
            failed = failed or wrong > 0 or compared == 0
    sys.exit(1 if failed else 0)


main()
