// Reads a stream of Weir with kafkajs.
//
// kafkajs_reader.mjs BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
// kafkajs_reader.mjs BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
// kafkajs_reader.mjs BROKER admin TOPIC GROUP          the topics, and how far the group is
import kafkajs from 'kafkajs'
import lz4 from 'lz4js'

// kafkajs brings no LZ4 of its own: only streams with "compression: lz4" need this.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => ({
  decompress: async buffer => Buffer.from(lz4.decompress(buffer))
})

const [broker, command, topic, ...rest] = process.argv.slice(2)
if (!['read', 'times', 'admin'].includes(command) || rest.length === 0) {
  console.error('usage: kafkajs_reader.mjs BROKER read TOPIC GROUP [COUNT] | times TOPIC TIMESTAMP | admin TOPIC GROUP')
  process.exit(2)
}
const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.ERROR })

const hex = bytes => (bytes === null ? '-' : bytes.toString('hex'))
// Done when the line has left us: what is committed must not stand in a buffer.
const print = (...fields) => new Promise(resolve => process.stdout.write(fields.join('\t') + '\n', resolve))

async function printRecord (partition, { offset, timestamp, key, value, headers }) {
  const pairs = Object.entries(headers).flatMap(([name, values]) => [values].flat().map(one => `${name}=${hex(one)}`))
  await print(partition, offset, timestamp, hex(key), hex(value ?? Buffer.alloc(0)), pairs.join(',') || '-')
}

async function read (group, count = '0') {
  let left = Number(count) || Infinity
  let stop
  const stopped = new Promise(resolve => { stop = resolve })
  process.on('SIGTERM', () => stop())
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 6000, heartbeatInterval: 2000, maxWaitTimeInMs: 500 })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    console.error('assigned', JSON.stringify(payload.memberAssignment[topic] ?? [])))
  consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || (console.error(payload.error), process.exit(1)))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true }) // a new group begins with the oldest record
  await consumer.run({
    autoCommit: false, // only what was printed is committed
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      const messages = batch.messages.slice(0, left)
      if (messages.length === 0) return
      for (const message of messages) await printRecord(batch.partition, message)
      left -= messages.length
      const last = messages.at(-1).offset
      resolveOffset(last)
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: String(BigInt(last) + 1n) }])
      await heartbeat()
      if (left === 0) stop()
    }
  })
  await stopped
  await consumer.disconnect() // leaves the group
}

async function times (timestamp) {
  const admin = kafka.admin()
  await admin.connect()
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, Number(timestamp)) // the end, where there is no such record
  found.sort((a, b) => a.partition - b.partition).forEach(one => print(one.partition, one.offset))
  await admin.disconnect()
}

async function admin (group) {
  const admin = kafka.admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata()
  for (const one of topics.sort((a, b) => a.name < b.name ? -1 : 1)) print('topic', one.name, one.partitions.length)
  print('group', group, (await admin.describeGroups([group])).groups[0].state)
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(one => [one.partition, one.high]))
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  for (const { partition, offset } of partitions.sort((a, b) => a.partition - b.partition)) {
    print('committed', topic, partition, offset, ends.get(partition))
  }
  await admin.disconnect()
}

await { read, times, admin }[command](...rest)
