'use strict'
// A process with Node's mu that hands messages on: node relay.js PORT TO_PORT

const tcp = require('mu-tcp')
const { mu, port, otherPort, ready, whenListening, obey } = require('./program')

obey()
whenListening(ready)
mu.outbound({ role: 'basic' }, tcp.client({ port: otherPort, host: '127.0.0.1' }))
mu.inbound({ inbound: 'here' }, tcp.server({ port, host: '127.0.0.1' })) // lets all in, and must not equal the other
