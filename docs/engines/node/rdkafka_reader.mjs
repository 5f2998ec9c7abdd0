// Reads a stream of Weir with node-rdkafka, that is librdkafka.
//
// rdkafka_reader.mjs BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
// rdkafka_reader.mjs BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
// rdkafka_reader.mjs BROKER admin TOPIC GROUP          the topics, and how far the group is (it cannot ask for a group's state)
import { promisify } from 'node:util'
import rdkafka from 'node-rdkafka'

const [broker, command, topic, ...rest] = process.argv.slice(2)
if (!['read', 'times', 'admin'].includes(command) || rest.length === 0) {
  console.error('usage: rdkafka_reader.mjs BROKER read TOPIC GROUP [COUNT] | times TOPIC TIMESTAMP | admin TOPIC GROUP')
  process.exit(2)
}

const hex = bytes => (bytes === null || bytes === undefined ? '-' : bytes.toString('hex'))
// Done when the line has left us: what is committed must not stand in a buffer.
const print = (...fields) => new Promise(resolve => process.stdout.write(fields.join('\t') + '\n', resolve))

async function printRecord ({ partition, offset, timestamp, key, value, headers = [] }) {
  const pairs = headers.flatMap(Object.entries).map(([name, content]) => `${name}=${hex(Buffer.from(content))}`)
  await print(partition, offset, timestamp, hex(key), hex(value ?? Buffer.alloc(0)), pairs.join(',') || '-')
}

// The client's calls as promises.
async function connect (group, more = {}) {
  const consumer = new rdkafka.KafkaConsumer({ 'metadata.broker.list': broker, 'group.id': group, ...more }, {
    'auto.offset.reset': 'earliest' // a new group begins with the oldest record
  })
  const call = name => promisify(consumer[name].bind(consumer))
  const metadata = await call('connect')({ topic })
  const found = metadata.topics.find(one => one.name === topic)
  const partitions = found.partitions.map(one => ({ topic, partition: one.id })).sort((a, b) => a.partition - b.partition)
  return { consumer, call, partitions }
}

async function read (group, count = '0') {
  let left = Number(count) || Infinity
  process.on('SIGTERM', () => { left = 0 })
  const { consumer, call } = await connect(group, {
    'session.timeout.ms': 6000,
    'enable.auto.commit': false, // only what was printed is committed
    rebalance_cb: true
  })
  consumer.on('rebalance', (event, assignment) => event.code === rdkafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS &&
    console.error('assigned', JSON.stringify(assignment.map(one => one.partition).sort())))
  consumer.setDefaultConsumeTimeout(500)
  consumer.subscribe([topic])
  while (left > 0) {
    const messages = await call('consume')(Math.min(500, left))
    const next = new Map()
    for (const message of messages) {
      await printRecord(message)
      next.set(message.partition, { topic, partition: message.partition, offset: message.offset + 1 })
    }
    left -= messages.length
    if (next.size > 0) consumer.commitSync([...next.values()])
  }
  await call('disconnect')() // leaves the group
}

async function times (timestamp) {
  const { call, partitions } = await connect('unused')
  const wanted = partitions.map(one => ({ ...one, offset: Number(timestamp) }))
  for (const one of await call('offsetsForTimes')(wanted, 5000)) print(one.partition, one.offset) // -1: no such record
  await call('disconnect')()
}

async function admin (group) {
  const { call, partitions } = await connect(group)
  const { topics } = await call('getMetadata')({})
  for (const one of topics.sort((a, b) => a.name < b.name ? -1 : 1)) print('topic', one.name, one.partitions.length)
  for (const one of await call('committed')(partitions, 5000)) {
    const { highOffset } = await call('queryWatermarkOffsets')(topic, one.partition, 5000)
    print('committed', topic, one.partition, one.offset, highOffset)
  }
  await call('disconnect')()
}

await { read, times, admin }[command](...rest)
