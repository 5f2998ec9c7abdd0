// Reads a stream of Weir with @platformatic/kafka.
//
// platformatic_reader.mjs BROKER read TOPIC GROUP [COUNT]   goes on where the group stopped, until COUNT records or SIGTERM
// platformatic_reader.mjs BROKER times TOPIC TIMESTAMP      where the records since then (ms since 1970) begin
// platformatic_reader.mjs BROKER admin TOPIC GROUP          the topics, and how far the group is
import { Admin, Consumer } from '@platformatic/kafka'

const [broker, command, topic, ...rest] = process.argv.slice(2)
if (!['read', 'times', 'admin'].includes(command) || rest.length === 0) {
  console.error('usage: platformatic_reader.mjs BROKER read TOPIC GROUP [COUNT] | times TOPIC TIMESTAMP | admin TOPIC GROUP')
  process.exit(2)
}
const client = { clientId: 'reader', bootstrapBrokers: [broker] }

const hex = bytes => bytes?.toString('hex') ?? '-'
// Done when the line has left us: what is committed must not stand in a buffer.
const print = (...fields) => new Promise(resolve => process.stdout.write(fields.join('\t') + '\n', resolve))

async function printRecord ({ partition, offset, timestamp, key, value, headers }) {
  const pairs = Array.from(headers, ([name, content]) => `${name}=${hex(content)}`)
  await print(partition, offset, timestamp, hex(key), value?.toString('hex') ?? '', pairs.join(',') || '-')
}

async function read (group, count = '0') {
  let left = Number(count) || Infinity
  const consumer = new Consumer({ ...client, groupId: group, sessionTimeout: 6000, heartbeatInterval: 2000, maxWaitTime: 500 })
  consumer.on('consumer:group:join', ({ assignments }) =>
    console.error('assigned', JSON.stringify(assignments?.find(one => one.topic === topic)?.partitions ?? [])))
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest', // a new group begins with the oldest record
    autocommit: false // only what was printed is committed
  })
  const done = new Map() // partition: what to commit
  const commit = async () => {
    const offsets = [...done.values()]
    done.clear()
    if (offsets.length > 0) await consumer.commit({ offsets })
  }
  process.on('SIGTERM', () => stream.close())
  let printed = 0
  for await (const message of stream) {
    await printRecord(message)
    done.set(message.partition, { topic, partition: message.partition, offset: message.offset + 1n, leaderEpoch: -1 })
    if (++printed % 500 === 0) await commit()
    if (--left === 0) break
  }
  await commit()
  await consumer.close(true) // leaves the group
}

async function offsetsAt (admin, timestamp) {
  const { topics } = await admin.metadata({ topics: [topic] })
  const partitions = topics.get(topic).partitions.map((_, partitionIndex) => ({ partitionIndex, timestamp }))
  const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
  return found.partitions.sort((a, b) => a.partitionIndex - b.partitionIndex)
}

async function times (timestamp) {
  const admin = new Admin(client)
  for (const one of await offsetsAt(admin, BigInt(timestamp))) print(one.partitionIndex, one.offset) // -1: no such record
  await admin.close()
}

async function admin (group) {
  const admin = new Admin(client)
  const names = (await admin.listTopics()).sort()
  const { topics } = await admin.metadata({ topics: names })
  for (const name of names) print('topic', name, topics.get(name).partitionsCount)
  const { state } = (await admin.describeGroups({ groups: [group] })).get(group)
  print('group', group, state[0] + state.slice(1).toLowerCase())
  const ends = await offsetsAt(admin, -1n)
  const partitionIndexes = ends.map(one => one.partitionIndex)
  const [found] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes }] }] })
  for (const one of found.topics[0].partitions.sort((a, b) => a.partitionIndex - b.partitionIndex)) {
    print('committed', topic, one.partitionIndex, one.committedOffset, ends[one.partitionIndex].offset)
  }
  await admin.close()
}

await { read, times, admin }[command](...rest)
