//! Names as people in Viet Nam bear them: family, one or two middle, given. All text is Unicode NFC.

use std::fmt;

use crate::dice::Dice;
use crate::people::Sex;

/// Family names with their weight in a thousand; the first ones follow the shares that Lê Trung Hoa gives in
/// "Họ và tên người Việt Nam" (2005), recalled; the tail is an assumption.
const FAMILY: [(&str, u32); 40] = [
    ("Nguyễn", 384),
    ("Trần", 110),
    ("Lê", 95),
    ("Phạm", 70),
    ("Hoàng", 30),
    ("Huỳnh", 21),
    ("Phan", 45),
    ("Vũ", 22),
    ("Võ", 17),
    ("Đặng", 21),
    ("Bùi", 20),
    ("Đỗ", 14),
    ("Hồ", 13),
    ("Ngô", 13),
    ("Dương", 10),
    ("Lý", 5),
    ("Đinh", 8),
    ("Đoàn", 7),
    ("Trịnh", 6),
    ("Trương", 9),
    ("Lâm", 5),
    ("Mai", 5),
    ("Đào", 6),
    ("Cao", 5),
    ("Hà", 5),
    ("Tạ", 4),
    ("Tô", 3),
    ("Lương", 4),
    ("Vương", 3),
    ("Châu", 3),
    ("Phùng", 3),
    ("Thái", 3),
    ("Quách", 2),
    ("Nông", 3),
    ("Lò", 4),
    ("Vi", 2),
    ("Hà Thúc", 1),
    ("Tôn Thất", 1),
    ("Kiều", 2),
    ("La", 2),
];

const MIDDLE_F: [(&str, u32); 16] = [
    ("Thị", 46),
    ("Thị Thu", 6),
    ("Thị Ngọc", 5),
    ("Thị Thanh", 5),
    ("Thị Phương", 4),
    ("Thị Kim", 4),
    ("Ngọc", 5),
    ("Thanh", 4),
    ("Thu", 3),
    ("Minh", 3),
    ("Phương", 3),
    ("Bảo", 3),
    ("Khánh", 3),
    ("Quỳnh", 2),
    ("Hoài", 2),
    ("Diệu", 2),
];

const MIDDLE_M: [(&str, u32); 18] = [
    ("Văn", 36),
    ("Đức", 8),
    ("Minh", 7),
    ("Quang", 6),
    ("Hữu", 6),
    ("Ngọc", 5),
    ("Xuân", 5),
    ("Đình", 5),
    ("Thanh", 4),
    ("Công", 4),
    ("Quốc", 4),
    ("Tuấn", 3),
    ("Gia", 3),
    ("Bá", 2),
    ("Trọng", 2),
    ("Thế", 2),
    ("Anh", 2),
    ("Hoàng", 2),
];

const GIVEN_F: [&str; 44] = [
    "Hương", "Lan", "Hoa", "Mai", "Hằng", "Hạnh", "Thảo", "Linh", "Trang", "Nga", "Ngọc", "Phương", "Thủy",
    "Yến", "Oanh", "Dung", "Hà", "Hiền", "Huệ", "Liên", "Loan", "Nhung", "Tuyết", "Vân", "Xuân", "Anh",
    "Châu", "Chi", "Diệp", "Giang", "Ngân", "Nhi", "Như", "Quyên", "Quỳnh", "Tâm", "Thúy", "Thư", "Trâm",
    "Trinh", "Uyên", "Vy", "Ý", "Ánh",
];

const GIVEN_M: [&str; 46] = [
    "Anh", "Bình", "Chiến", "Cường", "Dũng", "Duy", "Đạt", "Đông", "Đức", "Giang", "Hải", "Hậu", "Hiếu",
    "Hòa", "Hoàng", "Hùng", "Huy", "Hưng", "Khánh", "Khoa", "Kiên", "Lâm", "Long", "Lộc", "Lực", "Mạnh",
    "Minh", "Nam", "Nghĩa", "Nhân", "Phong", "Phúc", "Quân", "Quang", "Sơn", "Tài", "Tâm", "Thành", "Thắng",
    "Thiện", "Tiến", "Toàn", "Trung", "Tú", "Tuấn", "Việt",
];

/// A full name, kept as places in the lists above.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    sex: Sex,
    family: u8,
    middle: u8,
    given: u8,
}

impl Name {
    /// A name for someone of `sex`, with the family name of `parent` if one is known.
    pub(crate) fn draw(dice: &mut Dice, sex: Sex, parent: Option<Self>) -> Self {
        let middle = match sex {
            Sex::Female => place(dice, &MIDDLE_F),
            Sex::Male => place(dice, &MIDDLE_M),
        };
        let given = match sex {
            Sex::Female => dice.below(GIVEN_F.len() as u32),
            Sex::Male => dice.below(GIVEN_M.len() as u32),
        };
        let family = parent.map_or_else(|| place(dice, &FAMILY), |parent| parent.family);
        Self { sex, family, middle, given: given as u8 }
    }
}

fn place(dice: &mut Dice, list: &[(&str, u32)]) -> u8 {
    let mut left = dice.below(list.iter().map(|(_, weight)| weight).sum());
    for (place, (_, weight)) in list.iter().enumerate() {
        if left < *weight {
            return place as u8;
        }
        left -= weight;
    }
    0
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (middles, given) = match self.sex {
            Sex::Female => (&MIDDLE_F[..], GIVEN_F[usize::from(self.given)]),
            Sex::Male => (&MIDDLE_M[..], GIVEN_M[usize::from(self.given)]),
        };
        write!(f, "{} {} {given}", FAMILY[usize::from(self.family)].0, middles[usize::from(self.middle)].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;

    /// Every Vietnamese letter has a precomposed form, so text without combining marks is text in NFC.
    #[test]
    fn no_name_holds_a_combining_mark_a_comma_or_a_quote() {
        let lists = FAMILY.iter().chain(&MIDDLE_F).chain(&MIDDLE_M).map(|(name, _)| *name);
        for name in lists.chain(GIVEN_F).chain(GIVEN_M) {
            assert!(
                !name.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c) || c == ',' || c == '"'),
                "{name}"
            );
        }
    }

    #[test]
    fn a_child_bears_the_family_name_of_the_parent() {
        let mut dice = Dice::new(3, Stream::People);
        let father = Name::draw(&mut dice, Sex::Male, None);
        let child = Name::draw(&mut dice, Sex::Female, Some(father));
        let family = |name: Name| FAMILY[usize::from(name.family)].0;
        assert_eq!(family(father), family(child));
        assert!(child.to_string().starts_with(family(father)));
    }
}
