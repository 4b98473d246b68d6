'use strict'
// A service of Node's mu: node srv.js PORT

const tcp = require('mu-tcp')
const { mu, port, ready, whenListening, obey } = require('./program')

const falsy = { zero: 0, null: null, empty: '', false: false, nothing: undefined, nan: NaN }
const bang = () => Object.assign(new Error('bang'), { code: 'EBANG', extra: { why: ['a', 1] } })

const handlers = {
  add: ({ first, second }, cb) => cb(null, Number(first) + Number(second)),
  echo: ({ value }, cb) => cb(null, value),
  slow: ({ ms }, cb) => setTimeout(cb, ms, null, ms),
  fail: (_, cb) => cb(bang()),
  httperr: (_, cb) => cb(mu.error(404, 'nope', { why: 'gone' })),
  falsy: ({ what }, cb) => cb(null, falsy[what]),
  both: (_, cb) => cb(bang(), { some: 'data' }),
  none: () => {},
  double: (_, cb) => { cb(null, 'first'); cb(null, 'second') },
  packet: (_, cb, packet) => cb(null, packet)
}
for (const [cmd, handler] of Object.entries(handlers)) {
  mu.define({ role: 'basic', cmd }, (packet, cb) => handler(packet.pattern, cb, packet))
}

obey()
whenListening(ready)
mu.inbound({ role: 'basic', cmd: '*' }, tcp.server({ port, host: '127.0.0.1' }))
