use super::*;

fn good(source: &str) -> Node {
    let parsed = parse(source);
    assert_eq!(parsed.faults, []);
    parsed.root.expect("a tree")
}

fn bad(source: &str) -> Vec<Fault> {
    parse(source).faults
}

fn text_at<'a>(root: &'a Node, path: &[Step]) -> &'a Text {
    match &root.walk(path).data {
        Data::Text(text) => text,
        other => panic!("text, not {other:?}"),
    }
}

#[test]
fn every_way_to_write_text_knows_where_its_characters_stand() {
    let source = "\
literal: |

  one
    two
folded: >-
    one

    two
plain: one
  two
single: 'o''e
  two'
double: \"one
  two\"
escaped: \"\\u006fne two\"
";
    let root = good(source);
    let second = |key: &str, text: &str| {
        let found = text_at(&root, &[key.into()]);
        let before = &found.value[..found.value.find(text).expect("there")];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = found.place(line, column);
        (place.line, place.column)
    };
    assert_eq!(second("literal", "one"), (3, 3));
    assert_eq!(second("literal", "two"), (4, 5));
    assert_eq!(second("literal", "wo"), (4, 6));
    assert_eq!(second("folded", "two"), (8, 5));
    assert_eq!(second("plain", "two"), (10, 3));
    assert_eq!(second("single", "e"), (11, 13));
    assert_eq!(second("single", "two"), (12, 3));
    assert_eq!(second("double", "two"), (14, 3));
    assert_eq!(second("escaped", "two"), (15, 10), "escapes hide the place: the start of the value is given");
}

#[test]
fn every_duplicate_key_is_found() {
    let faults = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n").faults;
    let found: Vec<_> = faults.iter().map(|fault| (fault.at.line, fault.duplicate)).collect();
    assert_eq!(found, [(2, true), (3, true)]);
}

#[test]
fn scalars_follow_the_core_schema() {
    let root = good("[no, 01, 1.5, ~, true, '1', 0x1F, 1e3, 2026-01-01, .5, '', 99999999999999999999]");
    let Data::List(items) = &root.data else { panic!("a list") };
    let kinds: Vec<_> = items
        .iter()
        .map(|node| match &node.data {
            Data::Null => "null".to_owned(),
            Data::Bool(value) => format!("bool {value}"),
            Data::Int(value, raw) => format!("int {value} {raw}"),
            Data::Float(raw) => format!("float {raw}"),
            Data::Text(text) => format!("text {}", text.value),
            _ => "other".to_owned(),
        })
        .collect();
    let expected = [
        "text no",
        "int 1 01",
        "float 1.5",
        "null",
        "bool true",
        "text 1",
        "int 31 0x1F",
        "float 1e3",
        "text 2026-01-01",
        "float .5",
        "text ",
        "float 99999999999999999999",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn limits_hold() {
    let deep = "[".repeat(MAX_DEPTH + 1);
    assert!(bad(&deep)[0].message.contains("nested deeper"));
    let wide = format!("[{}]", "1,".repeat(MAX_NODES + 1));
    assert!(bad(&wide)[0].message.contains("values"));
    let laughs = "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                  d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    assert!(bad(laughs)[0].message.contains("values"));
    let many = format!("a: &a 1\nb: [{}]", "*a,".repeat(MAX_ALIASES + 1));
    assert!(bad(&many)[0].message.contains("aliases"));
    assert!(!bad("a: &a [*a]").is_empty());
    assert!(bad("a: !t 1")[0].message.contains("tags"));
    assert!(bad("a: 1\n---\nb: 1")[0].message.contains("one document"));
    assert!(bad("")[0].message.contains("empty"));
    assert!(bad("? [a]\n: 1")[0].message.contains("key"));
}
