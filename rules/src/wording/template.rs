//! Templates, before MiniJinja compiles them: which names a sentence prints or asks about, and where a figure
//! is typed into it. Only a small part of the template language is let through, so that a sentence can be
//! judged without running it, and can neither loop nor grow: names with filters, `if`, `elif`, `else`, and
//! comments.

/// The longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 4 * 1024;
/// The filters that a name may pass through.
pub(crate) const FILTERS: [&str; 4] = ["capitalize", "iso", "lower", "upper"];

const KEYWORDS: [&str; 11] =
    ["and", "or", "not", "is", "defined", "undefined", "true", "false", "none", "True", "False"];
const OPERATORS: [&str; 4] = ["==", "!=", "(", ")"];

/// A template that has been read.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// Its text.
    pub(crate) text: String,
    /// The names it uses, in the order of the text.
    pub(crate) uses: Vec<Use>,
    /// Where the first figure stands in what is printed as it is: line and character, from 1.
    pub(crate) figure: Option<(usize, usize)>,
}

/// A name in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// `event.birth_date` as its parts.
    pub(crate) path: Vec<String>,
    /// Filters that it passes through.
    pub(crate) filters: Vec<String>,
    /// Line within the template, from 1.
    pub(crate) line: usize,
    /// Character within the line, from 1.
    pub(crate) column: usize,
    /// Whether its value is printed, rather than only asked about.
    pub(crate) printed: bool,
    /// Whether it stands inside an `if` that asks about the same name.
    pub(crate) guarded: bool,
}

/// Something wrong with a template, at a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    /// Line within the template, from 1.
    pub(crate) line: usize,
    /// Character within the line, from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) hint: Option<String>,
}

/// Reads a template. What is wrong with its structure (an `if` without its end) is left to MiniJinja.
pub(crate) fn read(text: &str) -> Result<Template, Vec<TemplateFault>> {
    let mut reader = Reader { rest: text, ..Reader::default() };
    if text.len() > MAX_TEMPLATE_BYTES {
        reader.fault(reader.here, format!("a template has at most {MAX_TEMPLATE_BYTES} bytes"), None);
    } else {
        reader.run();
    }
    if reader.faults.is_empty() {
        Ok(Template { text: text.to_owned(), uses: reader.uses, figure: reader.figure })
    } else {
        Err(reader.faults)
    }
}

type Place = (usize, usize);

#[derive(Debug, PartialEq)]
enum Token {
    Name(String),
    Sign(String),
    Literal,
}

#[derive(Debug)]
struct Reader<'a> {
    rest: &'a str,
    here: Place,
    uses: Vec<Use>,
    figure: Option<Place>,
    faults: Vec<TemplateFault>,
    /// For each open `if`, the names that its present branch asks about.
    guards: Vec<Vec<Vec<String>>>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        let (uses, faults, guards) = (Vec::new(), Vec::new(), Vec::new());
        Self { rest: "", here: (1, 1), uses, figure: None, faults, guards }
    }
}

impl Reader<'_> {
    fn run(&mut self) {
        while !self.rest.is_empty() {
            if self.eat("{#") {
                while !self.rest.is_empty() && !self.eat("#}") {
                    self.next();
                }
            } else if self.eat("{{") {
                let tokens = self.tokens("}}");
                self.print(tokens);
            } else if self.eat("{%") {
                let tokens = self.tokens("%}");
                self.statement(tokens);
            } else {
                let place = self.here;
                if self.next().is_some_and(char::is_numeric) {
                    self.figure.get_or_insert(place);
                }
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        self.here = if char == '\n' { (self.here.0 + 1, 1) } else { (self.here.0, self.here.1 + 1) };
        Some(char)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest.starts_with(text);
        if found {
            text.chars().for_each(|_| _ = self.next());
        }
        found
    }

    /// The tokens up to `end`.
    fn tokens(&mut self, end: &str) -> Vec<(Token, Place)> {
        let start = self.here;
        let mut tokens = Vec::new();
        let _ = self.eat("-") || self.eat("+");
        loop {
            if self.eat(end) || self.rest.strip_prefix(['-', '+']).is_some_and(|rest| rest.starts_with(end)) {
                // The mark that trims white space belongs to the end.
                let _ = (self.eat("-") || self.eat("+")) && self.eat(end);
                return tokens;
            }
            let place = self.here;
            match self.rest.chars().next() {
                None => {
                    self.fault(start, format!("`{end}` is missing"), None);
                    return Vec::new();
                }
                Some(char) if char.is_whitespace() => _ = self.next(),
                Some(quote @ ('"' | '\'')) => {
                    self.string(quote);
                    tokens.push((Token::Literal, place));
                }
                Some(char) if char.is_ascii_digit() => {
                    self.word();
                    tokens.push((Token::Literal, place));
                }
                Some(char) if char.is_alphabetic() || char == '_' => {
                    let name = self.word();
                    tokens.push((Token::Name(name), place));
                }
                Some(_) => {
                    let two =
                        OPERATORS.into_iter().find(|sign| sign.len() == 2 && self.rest.starts_with(sign));
                    let sign = match two {
                        Some(sign) => {
                            self.eat(sign);
                            sign.to_owned()
                        }
                        None => self.next().map(String::from).unwrap_or_default(),
                    };
                    tokens.push((Token::Sign(sign), place));
                }
            }
        }
    }

    fn word(&mut self) -> String {
        let end =
            self.rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.eat(&word);
        word
    }

    fn string(&mut self, quote: char) {
        self.next();
        while let Some(char) = self.next() {
            match char {
                '\\' => _ = self.next(),
                char if char == quote => return,
                _ => {}
            }
        }
    }

    /// `{{ name.part | filter }}`
    fn print(&mut self, tokens: Vec<(Token, Place)>) {
        let start = tokens.first().map_or(self.here, |(_, place)| *place);
        let mut parts = tokens.split(|(token, _)| *token == Token::Sign("|".into()));
        let path = parts.next().and_then(path_of);
        let filters: Option<Vec<_>> =
            parts.map(|part| path_of(part).filter(|path| path.len() == 1)).collect();
        let (Some(path), Some(filters)) = (path, filters) else {
            let hint = Some("a name, and filters after `|`: `{{ event.birth_date | iso }}`".to_owned());
            self.fault(start, "only a name can be printed".to_owned(), hint);
            return;
        };
        let filters: Vec<_> = filters.into_iter().flatten().collect();
        for filter in filters.iter().filter(|filter| !FILTERS.contains(&filter.as_str())) {
            let hint = Some(format!("one of `{}`", FILTERS.join("`, `")));
            self.fault(start, format!("no filter `{filter}`"), hint);
        }
        let guarded = self.guards.iter().flatten().any(|guard| *guard == path);
        let (line, column) = start;
        self.uses.push(Use { path, filters, line, column, printed: true, guarded });
    }

    /// `{% if … %}` and what belongs to it.
    fn statement(&mut self, tokens: Vec<(Token, Place)>) {
        let mut tokens = tokens.into_iter();
        let Some((Token::Name(word), place)) = tokens.next() else {
            self.fault(self.here, "a statement begins with a word".to_owned(), only_if());
            return;
        };
        let rest: Vec<_> = tokens.collect();
        match word.as_str() {
            "if" => {
                let asked = self.condition(&rest);
                self.guards.push(asked);
            }
            "elif" => {
                let asked = self.condition(&rest);
                self.branch(asked);
            }
            "else" => self.branch(Vec::new()),
            "endif" => _ = self.guards.pop(),
            _ => self.fault(place, format!("`{{% {word} %}}` is not used in packs"), only_if()),
        }
    }

    fn branch(&mut self, asked: Vec<Vec<String>>) {
        if let Some(top) = self.guards.last_mut() {
            *top = asked;
        }
    }

    /// The names that a condition asks about.
    fn condition(&mut self, tokens: &[(Token, Place)]) -> Vec<Vec<String>> {
        let mut asked: Vec<Vec<String>> = Vec::new();
        let mut after_dot = false;
        for (token, (line, column)) in tokens {
            match token {
                Token::Name(name) if after_dot => {
                    for path in [asked.last_mut(), self.uses.last_mut().map(|last| &mut last.path)] {
                        path.into_iter().for_each(|path| path.push(name.clone()));
                    }
                }
                Token::Name(name) if KEYWORDS.contains(&name.as_str()) => {}
                Token::Name(name) => {
                    let (path, filters) = (vec![name.clone()], Vec::new());
                    asked.push(path.clone());
                    let (line, column) = (*line, *column);
                    self.uses.push(Use { path, filters, line, column, printed: false, guarded: false });
                }
                Token::Sign(sign) if sign == "." || OPERATORS.contains(&sign.as_str()) => {}
                Token::Sign(sign) => {
                    let hint = Some("`and`, `or`, `not`, `==`, `!=`, `is defined`".to_owned());
                    self.fault(
                        (*line, *column),
                        format!("`{sign}` is not used in conditions of texts"),
                        hint,
                    );
                }
                Token::Literal => {}
            }
            after_dot = *token == Token::Sign(".".into());
        }
        asked
    }

    fn fault(&mut self, (line, column): Place, message: String, hint: Option<String>) {
        self.faults.push(TemplateFault { line, column, message, hint });
    }
}

/// `name.part.part`
fn path_of(tokens: &[(Token, Place)]) -> Option<Vec<String>> {
    let names = tokens.iter().step_by(2).map(|(token, _)| match token {
        Token::Name(name) => Some(name.clone()),
        _ => None,
    });
    let dotted = tokens.iter().skip(1).step_by(2).all(|(token, _)| *token == Token::Sign(".".into()));
    (tokens.len() % 2 == 1 && dotted).then(|| names.collect())?
}

fn only_if() -> Option<String> {
    Some("only `if`, `elif`, `else` and `endif` are".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, bool, bool)> {
        let template = read(text).expect("good");
        template.uses.iter().map(|used| (used.path.join("."), used.printed, used.guarded)).collect()
    }

    fn fault(text: &str) -> (usize, usize, String) {
        let faults = read(text).expect_err("bad");
        (faults[0].line, faults[0].column, faults[0].message.clone())
    }

    #[test]
    fn names_are_found_with_what_is_done_with_them() {
        let text = "A {{ event.a }}{% if subject.b.c == 'x' and not event.d %}{{- subject.b.c | upper -}}\
                    {% else %}{{ subject.b.c }}{% endif %}{{ event.d|iso }}";
        let expected = [
            ("event.a", true, false),
            ("subject.b.c", false, false),
            ("event.d", false, false),
            ("subject.b.c", true, true),
            ("subject.b.c", true, false),
            ("event.d", true, false),
        ];
        let expected: Vec<_> =
            expected.map(|(path, printed, guarded)| (path.to_owned(), printed, guarded)).into();
        assert_eq!(names(text), expected);
    }

    #[test]
    fn figures_count_only_where_they_are_printed() {
        let figure = |text| read(text).expect("good").figure;
        assert_eq!(figure("một\nhai 3 ngày"), Some((2, 5)));
        assert_eq!(figure("{# 3 #}{% if event.x == 3 %}{{ event.x3 }}{% endif %}"), None);
        assert_eq!(figure("½"), Some((1, 1)), "a vulgar fraction is a figure");
    }

    #[test]
    fn what_could_loop_grow_or_hide_a_name_is_refused() {
        assert_eq!(fault("a\n {% for x in y %}"), (2, 5, "`{% for %}` is not used in packs".into()));
        assert_eq!(fault("{{ 'x' * 9 }}").2, "only a name can be printed");
        assert_eq!(fault("{{ event['x'] }}").2, "only a name can be printed");
        assert_eq!(fault("{{ f() }}").2, "only a name can be printed");
        assert_eq!(fault("{{ }}").2, "only a name can be printed");
        assert_eq!(fault("{{ a. }}").2, "only a name can be printed");
        assert_eq!(fault("{{ a | safe }}").2, "no filter `safe`");
        assert_eq!(fault("{% if a < 3 %}").2, "`<` is not used in conditions of texts");
        assert_eq!(fault("x {{ a").2, "`}}` is missing");
        assert_eq!(fault(&"x".repeat(MAX_TEMPLATE_BYTES + 1)).0, 1);
    }
}
