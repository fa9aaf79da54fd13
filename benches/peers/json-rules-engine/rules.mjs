// The twenty conditions as rules of json-rules-engine. Dates are days since 1970; calendar arithmetic is an operator.

const is = (fact, operator, value) => ({ fact, operator, value })
const than = (fact) => ({ fact })

const CONDITIONS = [
  is('age', 'greaterThanInclusive', 18),
  { all: [is('age', 'greaterThanInclusive', 14), is('age', 'lessThanInclusive', 25)] },
  is('employed', 'equal', true),
  { all: [is('employed', 'equal', false), is('months', 'greaterThanInclusive', 12)] },
  { any: [is('months', 'greaterThanInclusive', 180), is('age', 'greaterThanInclusive', 60)] },
  is('province', 'equal', '01'),
  is('province', 'in', ['01', '79', '48', '31']),
  is('status', 'notEqual', 'married'),
  is('household', 'notEqual', 'poor'),
  { all: [is('household', 'in', ['poor', 'near_poor']), is('age', 'greaterThanInclusive', 70)] },
  is('birth', 'lessThan', Date.UTC(1966, 0, 1) / 86400000),
  is('event_day', 'greaterThanInclusive', Date.UTC(2026, 6, 1) / 86400000),
  is('expires', 'atLeast60DaysAfter', than('event_day')),
  is('expires', 'before8MonthsAfter', than('event_day')),
  is('expires', 'atMost30DaysAfter', than('event_day')),
  is('birth', 'atLeast75YearsBefore', than('event_day')),
  is('birth', 'lessThan72MonthsBefore', than('event_day')),
  is('months', 'atLeast12With', than('event_months')),
  {
    any: [
      { all: [is('employed', 'equal', true), is('months', 'greaterThanInclusive', 6)] },
      { all: [is('employed', 'equal', false), is('months', 'greaterThanInclusive', 12)] }
    ]
  },
  is('status', 'equal', 'single')
]

const calendar = new Date(0)
function civil (day) {
  calendar.setTime(day * 86400000)
  return [calendar.getUTCFullYear() * 12 + calendar.getUTCMonth(), calendar.getUTCDate()]
}

// Whole months completed; a month that lacks the day is completed on the 1st of the next.
function monthsBetween (from, to) {
  const [fromMonth, fromDay] = civil(from)
  const [toMonth, toDay] = civil(to)
  return toMonth - fromMonth - (toDay < fromDay ? 1 : 0)
}

// The same day of a later month, or its last.
function plusMonths (day, count) {
  const [month, date] = civil(day)
  const [year, later] = [Math.floor((month + count) / 12), (month + count) % 12]
  const last = new Date(Date.UTC(year, later + 1, 0)).getUTCDate()
  return Date.UTC(year, later, Math.min(date, last)) / 86400000
}

const OPERATORS = {
  atLeast60DaysAfter: (expires, day) => day <= expires - 60,
  before8MonthsAfter: (expires, day) => expires < plusMonths(day, 8),
  atMost30DaysAfter: (expires, day) => expires - day <= 30,
  atLeast75YearsBefore: (birth, day) => monthsBetween(birth, day) >= 900,
  lessThan72MonthsBefore: (birth, day) => monthsBetween(birth, day) < 72,
  atLeast12With: (months, more) => months + more >= 12
}

const BOOLEAN = ['all', 'any']

export function prepare (Engine) {
  const engine = new Engine([], { allowUndefinedFacts: false })
  for (const [name, operator] of Object.entries(OPERATORS)) engine.addOperator(name, operator)
  CONDITIONS.forEach((condition, number) => {
    const conditions = BOOLEAN.some((name) => name in condition) ? condition : { all: [condition] }
    engine.addRule({ conditions, event: { type: String(number), params: { number } } })
  })
  return engine
}

export const COUNT = CONDITIONS.length
