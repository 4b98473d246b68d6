// The adder with moleculer and its TCP transporter: node moleculer.js server|client PORT PORT_OF_CLIENT
const { ServiceBroker } = require('moleculer')

const [half, port, portOfClient] = process.argv.slice(2)

const broker = new ServiceBroker({
  nodeID: half,
  logger: false,
  transporter: {
    type: 'TCP',
    options: {
      port: Number(half === 'server' ? port : portOfClient),
      udpDiscovery: false,
      urls: [`127.0.0.1:${port}/server`, `127.0.0.1:${portOfClient}/client`]
    }
  }
})

if (half === 'server') {
  broker.createService({ name: 'basic', actions: { add: async ({ params }) => params.first + params.second } })
  broker.start().then(() => console.log('ready'))
} else {
  broker.start().then(() => broker.waitForServices('basic')).then(() => require('./load')((number, cb) =>
    broker.call('basic.add', { role: 'basic', cmd: 'add', first: number, second: 1 }).then(sum => cb(null, sum), cb)))
}
