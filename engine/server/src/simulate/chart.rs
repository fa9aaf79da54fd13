//! Diverging bars as SVG: losses to the left of a common line, gains to the right, both on one scale.

use std::fmt::Write as _;

use super::page::escaped;
use crate::out::grouped;

/// How a chart is laid out.
#[derive(Clone, Copy)]
struct Layout {
    class: &'static str,
    width: f64,
    /// Whether a name stands above its bars, and not beside them.
    above: bool,
}

/// For screens and paper, and for phones; the page shows the one that fits.
const LAYOUTS: [Layout; 2] = [
    Layout { class: "broad", width: 920.0, above: false },
    Layout { class: "narrow", width: 350.0, above: true },
];
const ROW: f64 = 30.0;
/// What a second line of a name adds.
const LINE: f64 = 17.0;
const BAR: f64 = 16.0;
const TOP: f64 = 30.0;
/// Room for a character of a name, and for a number at either end.
const CHARACTER: f64 = 7.4;
const NUMBER: f64 = 84.0;
/// Characters of a line of a name, and lines; what is longer is cut at a word and stands whole in the table.
const NAME_CHARS: usize = 44;
const NAME_LINES: usize = 2;

/// A name, its losses and its gains.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) losses: u64,
    pub(super) gains: u64,
}

/// The chart; `title` and `about` are what a screen reader says of it.
pub(super) fn diverging(id: &str, title: &str, about: &str, bars: &[Bar]) -> String {
    let each =
        LAYOUTS.map(|layout| laid_out(layout, &format!("{id}-{}", layout.class), (title, about), bars));
    each.concat()
}

fn laid_out(layout: Layout, id: &str, (title, about): (&str, &str), bars: &[Bar]) -> String {
    let Layout { class, width, above } = layout;
    let most = |of: fn(&Bar) -> u64| bars.iter().map(of).max().unwrap_or_default() as f64;
    let (loss, gain) = (most(|bar| bar.losses), most(|bar| bar.gains));
    let room = |most: f64| if most > 0.0 { NUMBER } else { 0.0 };
    let named: Vec<Vec<String>> = bars.iter().map(|bar| lines(&bar.name)).collect();
    let longest = named.iter().flatten().map(|line| line.chars().count()).max().unwrap_or_default();
    let names = if above { 0.0 } else { longest as f64 * CHARACTER + 16.0 };
    let scale = (width - names - room(loss) - room(gain)) / (loss + gain).max(1.0);
    let zero = names + room(loss) + loss * scale;
    let name_lines = |lines: &Vec<String>| (lines.len().max(1) - usize::from(!above)) as f64;
    let heights = named.iter().map(|lines| ROW + LINE * name_lines(lines));
    let height = TOP + heights.clone().sum::<f64>() + 8.0;
    let mut svg = format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-about\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-about\">{}</desc>",
        escaped(title),
        escaped(about)
    );
    if loss > 0.0 {
        _ = write!(
            svg,
            "<text class=\"head loss\" x=\"{:.1}\" y=\"16\" text-anchor=\"end\">\u{2190} lose</text>",
            zero - 8.0
        );
    }
    if gain > 0.0 {
        _ = write!(svg, "<text class=\"head gain\" x=\"{:.1}\" y=\"16\">gain \u{2192}</text>", zero + 8.0);
    }
    let mut top = TOP;
    for ((bar, lines), height) in bars.iter().zip(&named).zip(heights) {
        row(&mut svg, layout, (bar, lines), (top, height), (zero, scale));
        top += height;
    }
    if !above {
        axis(&mut svg, zero, (TOP - 8.0, height));
    }
    svg.push_str("</svg>");
    svg
}

fn axis(svg: &mut String, zero: f64, (from, to): (f64, f64)) {
    _ = write!(
        svg,
        "<line class=\"axis\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"/>"
    );
}

fn row(
    svg: &mut String,
    layout: Layout,
    (bar, lines): (&Bar, &[String]),
    (top, height): (f64, f64),
    (zero, scale): (f64, f64),
) {
    let bars = if layout.above { (top + height - ROW, ROW) } else { (top, height) };
    let base = bars.0 + bars.1 / 2.0 + 5.0;
    let y = bars.0 + (bars.1 - BAR) / 2.0;
    _ = write!(
        svg,
        "<g><title>{}: {} lose, {} gain</title>\
         <line class=\"grid\" x1=\"0\" x2=\"{:.1}\" y1=\"{top:.1}\" y2=\"{top:.1}\"/>",
        escaped(&bar.name),
        grouped(bar.losses),
        grouped(bar.gains),
        layout.width,
    );
    for (place, line) in lines.iter().enumerate() {
        let at = top + ROW / 2.0 + 5.0 + LINE * place as f64;
        _ = write!(svg, "<text class=\"name\" x=\"0\" y=\"{at:.1}\">{}</text>", escaped(line));
    }
    // What there is can be seen, however little.
    let length = |count: u64| (count as f64 * scale).max(1.5);
    if bar.losses > 0 {
        let length = length(bar.losses);
        _ = write!(
            svg,
            "<rect class=\"loss\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"number\" x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">\u{2212}{}</text>",
            zero - length,
            zero - length - 6.0,
            grouped(bar.losses)
        );
    }
    if bar.gains > 0 {
        let length = length(bar.gains);
        _ = write!(
            svg,
            "<rect class=\"gain\" x=\"{zero:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"number\" x=\"{:.1}\" y=\"{base:.1}\">+{}</text>",
            zero + length + 6.0,
            grouped(bar.gains)
        );
    }
    // Beside the bars alone: names stand above, and an axis would cross them.
    if layout.above {
        axis(svg, zero, (y - 3.0, y + BAR + 3.0));
    }
    svg.push_str("</g>");
}

/// A name in lines, broken between words.
fn lines(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        let full = lines.len() == NAME_LINES;
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= NAME_CHARS => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) if full => {
                line.push('\u{2026}');
                break;
            }
            _ => lines.push(word.chars().take(NAME_CHARS).collect()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_broken_between_words_and_longer_ones_cut() {
        assert_eq!(lines("Trợ cấp thất nghiệp"), ["Trợ cấp thất nghiệp"]);
        let long = "Trợ cấp hưu trí xã hội từ đủ 70 tuổi (hộ nghèo, hộ cận nghèo)";
        assert_eq!(lines(long), ["Trợ cấp hưu trí xã hội từ đủ 70 tuổi (hộ", "nghèo, hộ cận nghèo)"]);
        let longer = lines(&[long, long].join(" "));
        assert_eq!(longer.len(), 2);
        assert!(longer[1].ends_with('\u{2026}'), "{longer:?}");
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_on_one_scale() {
        let bar = |name: &str, losses, gains| Bar { name: name.to_owned(), losses, gains };
        let svg = diverging("x", "X", "about", &[bar("a", 100, 50), bar("b", 0, 200)]);
        let widths: Vec<f64> = svg
            .split("<rect ")
            .skip(1)
            .filter_map(|rect| rect.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.len(), 6, "three bars, for screens and for phones");
        for widths in widths.chunks(3) {
            assert!(
                (widths[0] - 2.0 * widths[1]).abs() < 0.3 && (widths[2] - 2.0 * widths[0]).abs() < 0.3,
                "{widths:?}"
            );
        }
    }
}
