"""Holds an export of the catalogue against our statement of CPSV-AP 3.2.0 (shapes.ttl) with pySHACL.

    check.py TIDINGS [PACK...]

TIDINGS is the binary; without a PACK its built-in one is exported. For each pack, both formats must be the same graph to
rdflib, a reader that Tidings does not use, and must conform. Then the checker itself is tried: for every shape, each
property that it demands is taken from one node, or said twice where once is all, and each must be found.
"""

import json
import subprocess
import sys
from pathlib import Path

from pyshacl import validate
from rdflib import RDF, SH, Graph, Literal, URIRef
from rdflib.compare import graph_diff, isomorphic

SHAPES = Path(__file__).parent / "shapes.ttl"


def exported(tidings: str, pack: list[str], name: str, parser: str) -> Graph:
    command = [tidings, "catalogue", "export", *pack, "--format", name]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    return Graph().parse(data=done.stdout, format=parser)


def conforms(data: Graph, shapes: Graph) -> tuple[bool, str]:
    good, _, text = validate(data, shacl_graph=shapes)
    return good, text


def changed(data: Graph, subject: URIRef, path: URIRef, more: bool) -> Graph:
    """The graph with one property of one node gone, or with another value of the same making beside it."""
    copy = Graph()
    for triple in data:
        copy.add(triple)
    if not more:
        copy.remove((subject, path, None))
        return copy
    value = copy.value(subject, path)
    other = URIRef(f"{value}-again") if isinstance(value, URIRef) else Literal("again")
    for _, name, said in list(copy.triples((value, None, None))):
        copy.add((other, name, said))
    copy.add((subject, path, other))
    return copy


def missed(data: Graph, shapes: Graph) -> tuple[int, list[str]]:
    """Tries the checker; gives how many faults were made, and those that it did not see."""
    made, unseen = 0, []
    for shape, target in shapes.subject_objects(SH.targetClass):
        subject = min(data.subjects(RDF.type, target), default=None)
        if subject is None:
            continue
        for held in shapes.objects(shape, SH.property):
            path = shapes.value(held, SH.path)
            for bound, more in ((SH.minCount, False), (SH.maxCount, True)):
                if shapes.value(held, bound) is None or (more and (subject, path, None) not in data):
                    continue
                made += 1
                if conforms(changed(data, subject, path, more), shapes)[0]:
                    unseen.append(f"{subject} {path} {'twice' if more else 'gone'}")
    return made, unseen


def main() -> int:
    tidings, packs = sys.argv[1], [[pack] for pack in sys.argv[2:]] or [[]]
    shapes = Graph().parse(SHAPES)
    wrong = 0
    for pack in packs:
        turtle = exported(tidings, pack, "ttl", "turtle")
        json_ld = exported(tidings, pack, "jsonld", "json-ld")
        if not isomorphic(turtle, json_ld):
            _, first, second = graph_diff(turtle, json_ld)
            print(f"the formats differ; Turtle alone:\n{first.serialize()}\nJSON-LD alone:\n{second.serialize()}")
            wrong += 1
        good, text = conforms(turtle, shapes)
        if not good:
            print(text)
            wrong += 1
        made, unseen = missed(turtle, shapes)
        wrong += len(unseen) + (made == 0)
        print(json.dumps({"pack": pack or "built in", "triples": len(turtle), "conforms": good,
                          "faults_made": made, "faults_not_seen": unseen}))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
