//! Diverging bars as SVG: losses to the left of a common line, gains to the right, both on one scale.

use std::fmt::Write as _;

use super::page::escaped;
use crate::out::grouped;

const WIDTH: f64 = 920.0;
const ROW: f64 = 30.0;
const BAR: f64 = 16.0;
const TOP: f64 = 30.0;
/// Room for a character of a name, and for a number at either end.
const CHARACTER: f64 = 7.6;
const NUMBER: f64 = 84.0;
/// Characters of a name; longer names are cut at a word and stand whole in the table.
const NAME_CHARS: usize = 52;

/// A name, its losses and its gains.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) losses: u64,
    pub(super) gains: u64,
}

/// The chart; `title` and `about` are what a screen reader says of it.
pub(super) fn diverging(id: &str, title: &str, about: &str, bars: &[Bar]) -> String {
    let most = |of: fn(&Bar) -> u64| bars.iter().map(of).max().unwrap_or_default() as f64;
    let (loss, gain) = (most(|bar| bar.losses), most(|bar| bar.gains));
    let room = |most: f64| if most > 0.0 { NUMBER } else { 0.0 };
    let longest = bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or_default();
    let names = longest.min(NAME_CHARS) as f64 * CHARACTER + 16.0;
    let scale = (WIDTH - names - room(loss) - room(gain)) / (loss + gain).max(1.0);
    let zero = names + room(loss) + loss * scale;
    let height = TOP + ROW * bars.len() as f64 + 8.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-about\">\
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
    for (place, bar) in bars.iter().enumerate() {
        row(&mut svg, bar, TOP + ROW * place as f64, (zero, scale));
    }
    _ = write!(
        svg,
        "<line class=\"axis\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"{:.1}\" y2=\"{height:.1}\"/></svg>",
        TOP - 8.0
    );
    svg
}

fn row(svg: &mut String, bar: &Bar, top: f64, (zero, scale): (f64, f64)) {
    let base = top + ROW / 2.0 + 5.0;
    let y = top + (ROW - BAR) / 2.0;
    _ = write!(
        svg,
        "<g><title>{}: {} lose, {} gain</title><line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{top:.1}\" y2=\"{top:.1}\"/>\
         <text class=\"name\" x=\"0\" y=\"{base:.1}\">{}</text>",
        escaped(&bar.name),
        grouped(bar.losses),
        grouped(bar.gains),
        escaped(&cut(&bar.name))
    );
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
    svg.push_str("</g>");
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    let start: String = name.chars().take(NAME_CHARS - 1).collect();
    let whole = start.rfind(' ').map_or(start.as_str(), |space| &start[..space]);
    format!("{}\u{2026}", whole.trim_end_matches([' ', ',', '(']))
}
