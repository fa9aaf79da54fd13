// Answers the orders of the harness, one a line: `time BATCH ROWS` or `answers PATH`. See ../README.md.

import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { Engine } from 'json-rules-engine'
import { COUNT, prepare } from './rules.mjs'

const DATES = ['birth', 'expires', 'event_day']
const NUMBERS = ['age', 'months', 'event_months']

function load (path) {
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  const names = head.split(',')
  return lines.map((line) => {
    const row = {}
    line.split(',').forEach((text, at) => { row[names[at]] = typed(names[at], text) })
    return row
  })
}

function typed (name, text) {
  if (DATES.includes(name)) return Date.parse(text) / 86400000
  if (NUMBERS.includes(name)) return Number(text)
  return name === 'employed' ? text === 'true' : text
}

const engine = prepare(Engine)

// One citizen at a time, or all of a batch begun together.
async function judge (rows, batch, each) {
  for (let first = 0; first < rows.length; first += batch) {
    if (batch === 1) each(await engine.run(rows[first]), first)
    else {
      const some = rows.slice(first, first + batch)
      const runs = await Promise.all(some.map((row) => engine.run(row)))
      runs.forEach((run, at) => each(run, first + at))
    }
  }
}

async function time (rows, batch) {
  let yes = 0
  const began = process.hrtime.bigint()
  await judge(rows, batch, (run) => { yes += run.events.length })
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  return { seconds, rows: rows.length, yes }
}

async function answers (rows, path) {
  const bytes = Buffer.alloc(rows.length * COUNT, '0')
  await judge(rows, 256, (run, row) => {
    for (const event of run.events) bytes[row * COUNT + event.params.number] = 0x31
  })
  writeFileSync(path, bytes)
  return { rows: rows.length }
}

const rows = load(process.argv[2])
const { version } = createRequire(import.meta.url)('json-rules-engine/package.json')
const say = (answer) => console.log(JSON.stringify(answer))
say({ version: `json-rules-engine ${version} (Node ${process.versions.node})` })
for await (const line of createInterface({ input: process.stdin })) {
  const [order, first, second] = line.split(' ')
  if (order === 'answers') say(await answers(rows, first))
  else say(await time(rows.slice(0, Number(second)), Number(first)))
}
