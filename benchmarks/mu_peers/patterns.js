// Lookups with the pattern tables of Node's mu and of seneca: node patterns.js bloomrun|patrun
// The first line of the standard input holds {"patterns": [...], "messages": [...], "expected": [numbers of patterns]};
// every line after it seconds, answered by the lookups per second.
const AT_ONCE = 100

const tables = {
  bloomrun (patterns) {
    const table = require('bloomrun')({ indexing: 'depth' }) // as mu has it
    patterns.forEach((pattern, number) => table.add(pattern, { number }))
    return message => table.lookup(message)
  },
  patrun (patterns) {
    const table = require('patrun').Patrun()
    patterns.forEach((pattern, number) => table.add(pattern, { number }))
    return message => table.find(message)
  }
}

function measure (find, messages, seconds) {
  const began = performance.now()
  const end = began + 1000 * seconds
  let at = 0
  let lookups = 0
  while (performance.now() < end) {
    for (let i = at; i < at + AT_ONCE; i++) find(messages[i])
    lookups += AT_ONCE
    at = (at + AT_ONCE) % messages.length
  }
  return 1000 * lookups / (performance.now() - began)
}

let find = null
let messages = null
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  if (find) return console.log(measure(find, messages, Number(line)))
  const given = JSON.parse(line)
  messages = given.messages
  find = tables[process.argv[2]](given.patterns)
  messages.forEach((message, i) => {
    if (find(message).number !== given.expected[i]) throw new Error(`wrong pattern for ${JSON.stringify(message)}`)
  })
  console.log('ready')
})
