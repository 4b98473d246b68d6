'use strict'
// What these programs share. In: a line of JSON for each command, [name, argument]. Out: READY, then lines of JSON.

const net = require('net')
const readline = require('readline')
const createMu = require('mu')

const [port, otherPort] = process.argv.slice(2).map(Number)
const mu = createMu({ logLevel: 'silent' }) // it would log to stdout
const say = value => process.stdout.write(JSON.stringify(value) + '\n')
const ready = () => process.stdout.write('READY\n')

// mu does not tell when it listens, and a connection made to find out may end it later
function whenListening (then) {
  const listen = net.Server.prototype.listen
  net.Server.prototype.listen = function (...args) {
    this.once('listening', then)
    return listen.apply(this, args)
  }
}

function obey (commands) {
  commands = { ping: () => say('pong'), tearDown: () => mu.tearDown(() => say('torn down')), ...commands }
  readline.createInterface({ input: process.stdin }).on('line', line => {
    const [name, argument] = JSON.parse(line)
    commands[name](argument)
  })
}

module.exports = { mu, port, otherPort, say, ready, whenListening, obey }
