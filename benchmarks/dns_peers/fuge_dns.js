// Node's fuge-dns: fuge_dns.js PORT
'use strict'

const server = require('fuge-dns')({ host: '127.0.0.1', port: Number(process.argv[2]) })
const name = 'adder-service.micro.svc.cluster.local'
server.addARecord(name, '127.0.0.1')
server.addSRVRecord('_main._tcp.' + name, name, 8080)
server.start(() => {})
