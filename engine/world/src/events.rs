//! What the sources say, as compact records; `render` turns them into lines.

use crate::calendar::{DAY, Day, HOUR, MINUTE, Moment};
use crate::dice::Dice;
use crate::places::Home;

/// Who sends events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Population,
    Courts,
    CivilRegistry,
    SocialInsurance,
    Licensing,
    Health,
    Education,
    Portal,
}

impl Source {
    /// The `source` attribute.
    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::Population => "urn:gov:vn:population",
            Self::Courts => "urn:gov:vn:courts",
            Self::CivilRegistry => "urn:gov:vn:civil-registry",
            Self::SocialInsurance => "urn:gov:vn:social-insurance",
            Self::Licensing => "urn:gov:vn:traffic-police",
            Self::Health => "urn:gov:vn:health",
            Self::Education => "urn:gov:vn:education",
            Self::Portal => "urn:gov:vn:portal",
        }
    }

    /// The type by which this source takes a statement back, if it can.
    pub(crate) const fn retraction(self) -> Option<&'static str> {
        match self {
            Self::Population => Some("population.statement.retracted"),
            Self::CivilRegistry => Some("civil.statement.retracted"),
            Self::SocialInsurance => Some("social-insurance.statement.retracted"),
            Self::Health => Some("health.statement.retracted"),
            Self::Courts | Self::Licensing | Self::Education | Self::Portal => None,
        }
    }
}

/// What happened. People and births are places in the world's lists; reference numbers come from [`Event::serial`].
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    BirthNotified { birth: u32 },
    BirthRegistered { birth: u32, on: Day },
    DeathNotified { on: Day },
    DeathRegistered { died: Day, on: Day },
    Married { spouse: u32, on: Day },
    Divorced { spouse: u32, on: Day },
    Moved { home: Home, on: Day, permanent: bool },
    CardIssued { card: u8, expires: Day },
    JobStarted { contract: u8, on: Day },
    JobEnded { contract: u8, on: Day, insured_months: Option<u16>, cause: Cause },
    LicenceRenewed { expires: Day },
    SchoolOpened { grade: u8, closes: Day },
    Filed { service: Service, on: Day, about: About },
    Refused { what: What },
    Restored { what: What },
    ShieldOrdered { against: u32 },
    ShieldLifted { against: u32 },
    Retracted { source: Source, target: u32 },
}

/// Why a job ended.
#[derive(Clone, Copy)]
pub(crate) enum Cause {
    Expired,
    Resigned,
    Dismissed,
    Retired,
}

/// What a file is about, beside the service.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Nothing,
    Birth(u32),
    Deceased(u32),
}

/// What a citizen refuses, as `preference.refused` names it.
pub(crate) type What = &'static str;

/// A service by its id in the pack.
pub(crate) type Service = &'static str;

impl Kind {
    pub(crate) const fn source(&self) -> Source {
        match self {
            Self::BirthNotified { .. } | Self::DeathNotified { .. } => Source::Health,
            Self::BirthRegistered { .. }
            | Self::DeathRegistered { .. }
            | Self::Married { .. }
            | Self::Divorced { .. } => Source::CivilRegistry,
            Self::Moved { .. } | Self::CardIssued { .. } => Source::Population,
            Self::JobStarted { .. } | Self::JobEnded { .. } => Source::SocialInsurance,
            Self::LicenceRenewed { .. } => Source::Licensing,
            Self::SchoolOpened { .. } => Source::Education,
            Self::Filed { .. } | Self::Refused { .. } | Self::Restored { .. } => Source::Portal,
            Self::ShieldOrdered { .. } | Self::ShieldLifted { .. } => Source::Courts,
            Self::Retracted { source, .. } => *source,
        }
    }

    /// The `type` attribute.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::BirthNotified { .. } => "health.birth.notified",
            Self::BirthRegistered { .. } => "civil.birth.registered",
            Self::DeathNotified { .. } => "health.death.notified",
            Self::DeathRegistered { .. } => "civil.death.registered",
            Self::Married { .. } => "civil.marriage.registered",
            Self::Divorced { .. } => "civil.divorce.recorded",
            Self::Moved { .. } => "population.residence.changed",
            Self::CardIssued { .. } => "population.card.issued",
            Self::JobStarted { .. } => "employment.started",
            Self::JobEnded { .. } => "employment.ended",
            Self::LicenceRenewed { .. } => "licence.renewed",
            Self::SchoolOpened { .. } => "school.enrolment.opened",
            Self::Filed { .. } => "service.filed",
            Self::Refused { .. } => "preference.refused",
            Self::Restored { .. } => "preference.restored",
            Self::ShieldOrdered { .. } => "court.shield.ordered",
            Self::ShieldLifted { .. } => "court.shield.lifted",
            Self::Retracted { source, .. } => source.retraction().unwrap_or_default(),
        }
    }

    /// Whether this may be said of someone after their death.
    pub(crate) const fn outlives(&self) -> bool {
        matches!(self, Self::DeathNotified { .. } | Self::DeathRegistered { .. } | Self::Retracted { .. })
    }
}

/// How a line differs from what a perfect source would have sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Duplicate,
    Late,
    OutOfOrder,
    Retracted,
    Retraction,
    Malformed(Shape),
    UnknownType(u8),
    Unregistered,
    FutureDated,
}

/// How a line is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Truncated,
    NoId,
    NumericTime,
    ListData,
    EmptyData,
}

/// One statement of one source.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    /// When the line arrives: the order of the file.
    pub(crate) arrives: Moment,
    pub(crate) recorded: Moment,
    pub(crate) time: Moment,
    /// Number of the statement: makes the id, and the order of what arrives in the same second.
    pub(crate) seq: u32,
    /// Number of the document behind it, which a second statement of the same shares.
    pub(crate) serial: u32,
    pub(crate) subject: u32,
    pub(crate) kind: Kind,
    pub(crate) flaw: Flaw,
}

/// A birth during the period; both agencies speak of it by its certificate.
#[derive(Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) day: Day,
    /// What the hospital wrote; the registry corrects it.
    pub(crate) hospital_day: Day,
    pub(crate) child: u32,
    pub(crate) father: Option<u32>,
}

/// Statements in the order in which they were thought of.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
}

impl Log {
    /// Adds a statement and gives the number of its document.
    pub(crate) fn tell(&mut self, subject: u32, time: Moment, recorded: Moment, kind: Kind) -> u32 {
        let seq = self.events.len() as u32;
        self.events.push(Event {
            arrives: recorded,
            recorded,
            time,
            seq,
            serial: seq,
            subject,
            kind,
            flaw: Flaw::None,
        });
        seq
    }

    /// Adds a statement about a document that was already numbered.
    pub(crate) fn tell_again(
        &mut self,
        serial: u32,
        subject: u32,
        time: Moment,
        recorded: Moment,
        kind: Kind,
    ) {
        let seq = self.tell(subject, time, recorded, kind);
        self.events[seq as usize].serial = serial;
    }

    /// Someone files for a service over the portal, on `day` or the next; the portal records it within minutes.
    pub(crate) fn file(&mut self, dice: &mut Dice, who: u32, service: Service, day: Day, about: About) {
        let time = day.at(dice.seconds(7 * HOUR, 22 * HOUR));
        self.tell(who, time, soon(dice, time), Kind::Filed { service, on: day, about });
    }
}

/// Office hours on `day`, or on the working day after it.
pub(crate) fn office(dice: &mut Dice, day: Day) -> Moment {
    day.working().at(dice.seconds(8 * HOUR, 17 * HOUR))
}

/// A few seconds or minutes later.
pub(crate) fn soon(dice: &mut Dice, time: Moment) -> Moment {
    time.plus(dice.seconds(2, 15 * MINUTE))
}

/// From `low` to `high` days later, at any second.
pub(crate) fn days_later(dice: &mut Dice, time: Moment, low: i32, high: i32) -> Moment {
    time.plus(i64::from(dice.between(low, high)) * DAY + dice.seconds(MINUTE, DAY - 1))
}
