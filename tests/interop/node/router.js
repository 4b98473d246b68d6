'use strict'
// What Node's mu routes by: node router.js. `route` gets patterns and messages, and prints the number of the pattern
// for each message, or null.

const bloomrun = require('bloomrun')
const { say, ready, obey } = require('./program')

obey({
  route: ({ patterns, messages }) => {
    const table = bloomrun({ indexing: 'depth' })
    patterns.forEach((pattern, number) => {
      const found = [number] // in a list, since it takes 0 for none
      if (pattern === '*') table.default(found)
      else table.add(pattern, found)
    })
    say(messages.map(message => (table.lookup(message) || [null])[0]))
  }
})
ready()
