//! Lines of CloudEvents 1.0. Written by hand, so that the order of members is fixed; every value is digits, a date or
//! a word of ours, so nothing needs escaping.

use std::fmt::{self, Display, Formatter};

use crate::calendar::Day;
use crate::disorder::UNKNOWN_TYPES;
use crate::events::{About, Birth, Cause, Event, Flaw, Kind, Shape, Source};
use crate::people::Citizen;

/// Who sends what nobody registered.
const UNREGISTERED: &str = "urn:example:vn:clinic-17";

/// An event with what it refers to.
pub(crate) struct Line<'a> {
    pub(crate) event: &'a Event,
    pub(crate) people: &'a [Citizen],
    pub(crate) births: &'a [Birth],
}

/// The `id` of a statement of `source`: no personal value, the same in every rendering.
pub(crate) fn id(source: Source, seq: u32) -> String {
    let prefix = match source {
        Source::Population => "pop",
        Source::Courts => "crt",
        Source::CivilRegistry => "civ",
        Source::SocialInsurance => "sin",
        Source::Licensing => "lic",
        Source::Health => "hlt",
        Source::Education => "edu",
        Source::Portal => "prt",
    };
    format!("{prefix}-{seq:09}")
}

impl Line<'_> {
    /// The line as it arrives, broken where the event says so.
    pub(crate) fn text(&self) -> String {
        let mut line = self.to_string();
        if self.event.flaw == Flaw::Malformed(Shape::Truncated) {
            line.truncate(line.len() * 3 / 5);
        }
        line
    }

    fn is(&self, shape: Shape) -> bool {
        self.event.flaw == Flaw::Malformed(shape)
    }

    fn number(&self, who: u32) -> impl Display {
        self.people[who as usize].number
    }

    /// A document's number: what it is, the year, which one.
    fn document(&self, prefix: &str, day: Day) -> String {
        format!("{prefix}-{}-{:07}", day.year(), self.event.serial)
    }

    /// A number of the subject's own papers that says nothing about them: the `nth` of its kind, of at most 15.
    fn paper(&self, prefix: &str, nth: u8) -> String {
        let place = u64::from(self.event.subject) * 16 + u64::from(nth.min(15));
        // The factor shares none with ten, so different papers have different numbers.
        format!("{prefix}-{:09}", (place * 7_368_787 + 123_456_789) % 1_000_000_000)
    }

    fn certificate(&self, birth: u32) -> String {
        format!("GCS-{}-{birth:07}", self.births[birth as usize].day.year())
    }

    fn data(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.event.kind {
            Kind::BirthNotified { birth } => self.birth(f, birth, None),
            Kind::BirthRegistered { birth, on } => self.birth(f, birth, Some(on)),
            Kind::DeathNotified { on } => write!(f, r#""death_date":"{on}""#),
            Kind::DeathRegistered { died, on } => {
                let certificate = self.document("KT", on);
                write!(f, r#""death_date":"{died}","certificate":"{certificate}","registered_on":"{on}""#)
            }
            Kind::Married { spouse, on } => {
                let (certificate, spouse) = (self.document("KH", on), self.number(spouse));
                write!(
                    f,
                    r#""marriage_certificate":"{certificate}","spouse":"{spouse}","registered_on":"{on}""#
                )
            }
            Kind::Divorced { spouse, on } => {
                let (judgment, spouse) = (self.document("BA", on), self.number(spouse));
                write!(f, r#""judgment":"{judgment}","spouse":"{spouse}","decided_on":"{on}""#)
            }
            Kind::ShieldOrdered { against } | Kind::ShieldLifted { against } => {
                let (order, against) = (self.event.serial, self.number(against));
                write!(f, r#""order":"QD-{order:07}","against":"{against}""#)
            }
            Kind::Retracted { source, target } => write!(f, r#""event_id":"{}""#, id(source, target)),
            Kind::Refused { what } | Kind::Restored { what } => write!(f, r#""what":"{what}""#),
            Kind::Filed { service, on, about } => {
                let reference = self.document("HS", on);
                write!(f, r#""service":"{service}","reference":"{reference}","filed_on":"{on}""#)?;
                match about {
                    About::Nothing => Ok(()),
                    About::Birth(birth) => write!(f, r#","birth_certificate":"{}""#, self.certificate(birth)),
                    About::Deceased(who) => write!(f, r#","deceased":"{}""#, self.number(who)),
                }
            }
            _ => self.own_data(f),
        }
    }

    /// Data of what concerns the subject alone.
    fn own_data(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.event.kind {
            Kind::Moved { home, on, permanent } => {
                let kind = if permanent { "permanent" } else { "temporary" };
                let (registration, province, commune) =
                    (self.document("CT", on), home.province(), home.commune());
                write!(
                    f,
                    r#""registration":"{registration}","province":"{province}","commune":"{commune}","#
                )?;
                write!(f, r#""moved_on":"{on}","kind":"{kind}""#)
            }
            Kind::CardIssued { card, expires } => {
                write!(f, r#""card_number":"{}","expires_on":"{expires}""#, self.paper("CC", card))?;
                if card > 1 { write!(f, r#","replaces":"{}""#, self.paper("CC", card - 1)) } else { Ok(()) }
            }
            Kind::JobStarted { contract, on } => {
                write!(f, r#""contract":"{}","started_on":"{on}""#, self.paper("HD", contract))
            }
            Kind::JobEnded { contract, on, insured_months, cause } => {
                write!(f, r#""contract":"{}","ended_on":"{on}","#, self.paper("HD", contract))?;
                if let Some(months) = insured_months {
                    write!(f, r#""insured_months":{months},"#)?;
                }
                let cause = match cause {
                    Cause::Expired => "expired",
                    Cause::Resigned => "resigned",
                    Cause::Dismissed => "dismissed",
                    Cause::Retired => "retired",
                };
                write!(f, r#""cause":"{cause}""#)
            }
            Kind::LicenceRenewed { expires } => {
                write!(f, r#""licence":"{}","expires_on":"{expires}""#, self.paper("GPLX", 0))
            }
            Kind::SchoolOpened { grade, closes } => {
                let (year, next) = (closes.year(), closes.year() + 1);
                write!(f, r#""school_year":"{year}-{next}","grade":{grade},"closes_on":"{closes}""#)
            }
            _ => Ok(()),
        }
    }

    fn birth(&self, f: &mut Formatter<'_>, birth: u32, registered: Option<Day>) -> fmt::Result {
        let Birth { day, hospital_day, child, father } = self.births[birth as usize];
        let day = if registered.is_some() { day } else { hospital_day };
        write!(f, r#""birth_certificate":"{}","birth_date":"{day}""#, self.certificate(birth))?;
        if let Some(on) = registered {
            write!(f, r#","child":"{}","registered_on":"{on}""#, self.number(child))?;
        }
        father.map_or(Ok(()), |father| write!(f, r#","father":"{}""#, self.number(father)))
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Event { time, recorded, seq, serial, subject, kind, flaw, .. } = *self.event;
        let source = kind.source();
        f.write_str(r#"{"specversion":"1.0","#)?;
        if !self.is(Shape::NoId) {
            write!(f, r#""id":"{}","#, id(source, seq))?;
        }
        let uri = if flaw == Flaw::Unregistered { UNREGISTERED } else { source.uri() };
        let type_name = match flaw {
            Flaw::UnknownType(which) => UNKNOWN_TYPES[usize::from(which)],
            _ => kind.type_name(),
        };
        write!(f, r#""source":"{uri}","type":"{type_name}","subject":"{}","#, self.number(subject))?;
        match flaw {
            Flaw::Malformed(Shape::NumericTime) => write!(f, r#""time":{},"#, time.0)?,
            _ => write!(f, r#""time":"{time}","#)?,
        }
        write!(f, r#""recordedtime":"{recorded}","datacontenttype":"application/json","data":"#)?;
        match flaw {
            Flaw::Malformed(Shape::ListData) => f.write_str("[]}"),
            Flaw::Malformed(Shape::EmptyData) => f.write_str("{}}"),
            Flaw::UnknownType(_) => write!(f, r#"{{"reference":"X-{serial:07}"}}}}"#),
            _ => {
                f.write_str("{")?;
                self.data(f)?;
                f.write_str("}}")
            }
        }
    }
}
