// The adder with Node's mu: node mu.js server|client PORT
const mu = require('mu')()
const net = require('net')
const tcp = require('mu-tcp')

const [half, port] = process.argv.slice(2)
const address = { port: Number(port), host: '127.0.0.1' }

if (half === 'server') {
  const listen = net.Server.prototype.listen // mu does not tell when it listens, and a probe may crash it
  net.Server.prototype.listen = function (...args) {
    this.once('listening', () => console.log('ready'))
    return listen.apply(this, args)
  }
  mu.define({ role: 'basic', cmd: 'add' }, (args, cb) => cb(null, args.pattern.first + args.pattern.second))
  mu.inbound({ role: 'basic', cmd: '*' }, tcp.server(address))
} else {
  mu.outbound({ role: 'basic', cmd: 'add' }, tcp.client(address))
  require('./load')((number, cb) => mu.dispatch({ role: 'basic', cmd: 'add', first: number, second: 1 }, cb))
}
