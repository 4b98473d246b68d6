'use strict'
// A caller with Node's mu: node cli.js PORT. Prints a line for each time that a callback is called.

const net = require('net')
const tcp = require('mu-tcp')
const { mu, port, say, ready, obey } = require('./program')

const sockets = []
const createConnection = net.createConnection
net.createConnection = (...args) => {
  const socket = createConnection(...args)
  sockets.push(socket)
  return socket
}

let number = 0
function dispatch (message) {
  const n = number++
  mu.dispatch(message, (err, response) => say({ n, err: err ? described(err) : null, response }))
}

function described (err) {
  const { message, data, output, isMu, remoteStacks, ...rest } = err
  return {
    isError: err instanceof Error,
    isMu,
    message: err.message,
    data,
    status: output.statusCode,
    mu: output.mu,
    stacks: (remoteStacks || []).map(each => each.stack),
    rest
  }
}

mu.outbound({ role: 'basic' }, tcp.client({ port, host: '127.0.0.1' }))
obey({
  dispatch: messages => messages.forEach(dispatch), // all in one turn of the event loop
  repeat: ({ message, times }) => { for (let k = 0; k < times; k++) dispatch({ ...message, k }) },
  reset: () => sockets.at(-1).resetAndDestroy()
})
ready()
