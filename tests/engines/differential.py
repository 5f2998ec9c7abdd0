#!/usr/bin/env python3
"""Puts the same questions to Weir and to a real broker with the same records: differential.py WEIR KAFKA TOPIC WANT

Prints what differs beyond ALLOWED (exit 1), and how much was asked. Member ids, leader epochs and addresses are each server's own:
they are named before answers are compared.
"""
import struct
import sys
import time

import wire

# Question: Weir's answer, Kafka's answer, why. One that does not differ any more is an error, too.
ALLOWED = {
    "a partition twice": ([0, 42], [42], "each answer stands where its question did: the first is answered, and the second refused"),
    "coordinator of transactions": ((42, -1), (15, -1), "there never is one, where a broker makes it: 15 would let clients try again for ever"),
    "commit of 9 deleted": ({"error": 0, "topics": [{"topic": "logs", "partitions": [{"partition": 9, "error": 0}]}]},
                            {"error": 0, "topics": [{"topic": "logs", "partitions": [{"partition": 9, "error": 3}]}]},
                            "commits of partitions that are gone can be deleted, where a broker keeps them until they expire"),
    "it comes back without its id": ({"error": 0, "generation": 1, "protocol": "range", "leader": "", "member": "id of again",
                                      "members": None},
                                     {"error": 0, "generation": 1, "protocol": "range", "leader": "id of one",
                                      "member": "id of again", "members": None},
                                     "the client must not take itself for the leader: a name that is nobody's, or the id that is fenced now"),
}


MEMBER_ID_REQUIRED = 79


class Server:
    def __init__(self, address, topic):
        self.address, self.topic = address, topic
        self.link = wire.Connection(address)
        self.names = {}  # what is its own: how it is called here
        # A broker makes its coordinator when it is first asked for one.
        while not self.coordinates():
            time.sleep(0.1)
        self.id = self.link.ask_at("Metadata", 12, topics=[{"topic": topic, "id": bytes(16)}], create=False, allowed=False)["topics"][0]["id"]
        self.epochs = {p["partition"]: p["epoch"] for p in self.metadata([topic])["topics"][0]["partitions"]}

    def coordinates(self):
        found = self.link.ask("FindCoordinator", "moves", 0)["error"] == 0
        return found and self.link.ask("DescribeGroups", ["moves", "static"], False)["groups"][0]["error"] == 0

    def metadata(self, topics):
        return self.link.ask("Metadata", [[topic] for topic in topics], False, False, False)

    def named(self, value):
        if isinstance(value, dict):
            return {key: self.named(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.named(one) for one in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def fetch(self, parts, maximum=1 << 20, isolation=0, topic=None, session=(0, -1)):
        """parts: (partition, offset, partition_max, epoch); session: its id, its epoch"""
        answer = self.link.ask("Fetch", -1, 0, 1, maximum, isolation, *session,
                               [[topic or self.topic, [[p, epoch, offset, -1, size] for p, offset, size, epoch in parts]]], [], "")
        return answer["error"], answer["topics"][0]["partitions"] if answer["topics"] else []

    def list_offset(self, partition, stamp, epoch=-1, isolation=0, topic=None):
        answer = self.link.ask("ListOffsets", -1, isolation, [[topic or self.topic, [[partition, epoch, stamp]]]])
        found = answer["topics"][0]["partitions"][0]
        return found["error"], found["time"], found["offset"], "none" if found["epoch"] == -1 else "some"


def whole(records):
    """Kafka cuts a file where the limit is, Weir behind a batch: what a client can use of both."""
    at = 0
    while at + 12 <= len(records) and at + 12 + struct.unpack_from(">i", records, at + 8)[0] <= len(records):
        at += 12 + struct.unpack_from(">i", records, at + 8)[0]
    return records[:at]


def told(part):
    if part["error"]:
        return (part["error"],)  # Kafka says nothing of the ends then, Weir does; clients ask again anyway
    return part["error"], part["high"], part["stable"], part["start"], part["preferred"], whole(part["records"] or b"")


def fetches(server, ends):
    for partition, end in ends.items():
        for offset in [*range(end + 3), -1, -2, end + 1000]:
            error, parts = server.fetch([(partition, offset, 1, -1)], maximum=1)
            yield f"fetch one batch of {partition} at {offset}", (error, *map(told, parts))
        for size in (0, 100, 4096, 5000, 20000, 1 << 20):
            for offset in range(0, end, 97):
                error, parts = server.fetch([(partition, offset, size, -1)])
                yield f"fetch {size} bytes of {partition} at {offset}", (error, *map(told, parts))
        for isolation in (0, 1):
            error, parts = server.fetch([(partition, 5, 9000, -1)], isolation=isolation)
            yield f"fetch of {partition}, isolation {isolation}", (error, *map(told, parts))
        for name, epoch in (("own", 0), ("newer", 1)):
            error, parts = server.fetch([(partition, 5, 1, server.epochs[partition] + epoch)])
            yield f"fetch of {partition} with the {name} epoch", (error, *map(told, parts))
    for maximum in (1, 3000, 9000, 50000):
        error, parts = server.fetch([(p, 0, 1 << 20, -1) for p in ends], maximum=maximum)
        yield f"fetch of all, {maximum} bytes", (error, *((p["partition"], *told(p)) for p in parts))
    error, parts = server.fetch([(0, 0, 1, -1), (9, 0, 1, -1)])
    yield "fetch of a partition that is not there", (error, *((p["partition"], *told(p)) for p in parts))
    error, parts = server.fetch([(0, 0, 1, -1)], topic="nowhere")
    yield "fetch of a topic that is not there", (error, *map(told, parts))
    for name, epoch in (("ends", -1), ("begins anew", 0), ("goes on in", 1)):
        error, parts = server.fetch([(0, 0, 1, -1)], session=(77, epoch))
        yield f"fetch that {name} an unknown session", (error, *map(told, parts))


def times(server, ends, stamps):
    for partition in ends:
        for stamp in [-1, -2, -3, 0, *stamps, stamps[0] - 1, stamps[-1] + 1, 1 << 50]:
            yield f"offset of time {stamp} in {partition}", server.list_offset(partition, stamp)
        for stamp in (-4, -5, -6, -7):
            yield f"offset of time {stamp}, not of this version, in {partition}", server.list_offset(partition, stamp)
        yield f"latest of {partition}, committed", server.list_offset(partition, -1, isolation=1)
        for name, epoch in (("own", 0), ("newer", 1)):
            yield f"latest of {partition} with the {name} epoch", \
                server.list_offset(partition, -1, epoch=server.epochs[partition] + epoch)
    yield "latest of a partition that is not there", server.list_offset(9, -1)
    yield "latest of a topic that is not there", server.list_offset(0, -1, topic="nowhere")
    answer = server.link.ask("ListOffsets", -1, 0, [[server.topic, [[0, -1, -1], [0, -1, -2]]]])
    yield "a partition twice", [p["error"] for p in answer["topics"][0]["partitions"]]


def epochs(server, ends):
    for partition, end in ends.items():
        for name, current, epoch in (("the current one", 0, 0), ("a newer one", 0, 5), ("an own one that is newer", 1, 0)):
            answer = server.link.ask("OffsetForLeaderEpoch", -1, [[server.topic, [[
                partition, server.epochs[partition] + current, server.epochs[partition] + epoch]]]])
            found = answer["topics"][0]["partitions"][0]
            yield f"end of epoch of {partition}: {name}", (found["error"], found["end"])
    for topic, partition in (("nowhere", 0), (server.topic, 9)):
        answer = server.link.ask("OffsetForLeaderEpoch", -1, [[topic, [[partition, -1, 0]]]])
        yield f"end of epoch of {topic} {partition}", [p["error"] for p in answer["topics"][0]["partitions"]]


def topics(server):
    answer = server.metadata([server.topic, "nowhere", "bad name!", "..", "x" * 250, "x" * 249, ".a", "a/b", ""])
    for topic in sorted(answer["topics"], key=lambda topic: topic["topic"]):
        yield f"metadata of {topic['topic']}", (topic["error"], topic["internal"], topic["allowed"], sorted(
            (p["partition"], p["error"], p["leader"], p["replicas"], p["in_sync"], p["offline"]) for p in topic["partitions"]))


class Member:
    """One member of a group: its own connection, its own id."""

    def __init__(self, server, name, group, instance=None):
        self.server, self.name, self.group, self.instance = server, name, group, instance
        self.link = wire.Connection(server.address)
        self.id, self.generation = "", -1

    def send_join(self, session=10000, kind="consumer", protocols=("range",)):
        self.link.send("JoinGroup", self.group, session, 20000, self.id, self.instance, kind,
                       [[protocol, self.subscription()] for protocol in protocols])

    def subscription(self):
        topic = self.server.topic.encode()
        return struct.pack(">hih", 0, 1, len(topic)) + topic + struct.pack(">i", len(self.name)) + self.name.encode()

    def joined(self):
        answer = self.link.receive()
        if answer["error"] in (0, MEMBER_ID_REQUIRED):
            self.id = answer["member"]
            self.server.names[self.id] = f"id of {self.name}"
        if answer["error"] == 0:
            self.generation = answer["generation"]
        answer["members"].sort(key=lambda member: member["metadata"])
        return self.server.named(answer)

    def join(self, **more):
        self.send_join(**more)
        return self.joined()

    def sync(self, assignments=(), generation=None, member=None):
        answer = self.link.ask("SyncGroup", self.group, self.generation if generation is None else generation, member or self.id,
                               self.instance, [[m.id, text] for m, text in assignments])
        return answer["error"], answer["assignment"]

    def beat(self, generation=None, member=None):
        return self.link.ask("Heartbeat", self.group, self.generation if generation is None else generation,
                             self.id if member is None else member, self.instance)["error"]

    def commit(self, parts, generation=None, member=None, topic=None, metadata=""):
        answer = self.link.ask("OffsetCommit", self.group, self.generation if generation is None else generation,
                               self.id if member is None else member, self.instance,
                               [[topic or self.server.topic, [[p, offset, -1, metadata] for p, offset in parts]]])
        return [(p["partition"], p["error"]) for p in answer["topics"][0]["partitions"]]

    def leave(self, *members):
        answer = self.link.ask("LeaveGroup", self.group, [list(member) for member in members or [(self.id, self.instance)]])
        return self.server.named(answer)


def committed(server, group, parts):
    answer = server.link.ask("OffsetFetch", group, parts)
    answer["topics"].sort(key=lambda topic: topic["topic"])
    for topic in answer["topics"]:
        topic["partitions"].sort(key=lambda p: p["partition"])
    return answer


def described(server, group):
    answer = server.link.ask("DescribeGroups", [group], False)["groups"][0]
    answer["members"].sort(key=lambda member: member["metadata"])
    for member in answer["members"]:
        member["host"] = member["host"].lstrip("/")  # Java's way to write an address
    return server.named(answer)


def group_moves(server):
    group, topic = "moves", server.topic
    one, two = Member(server, "one", group), Member(server, "two", group)
    yield "a group that nobody knows, described", described(server, group)
    yield "its commits", committed(server, group, [[topic, [0, 1]]])
    yield "its deletion", server.link.ask("DeleteGroups", [group])
    stranger = Member(server, "stranger", group)
    stranger.id = "nobody"
    yield "an unknown member joins", stranger.join()
    stranger.id = ""
    yield "a session that is too short", stranger.join(session=10)
    yield "a session that is too long", stranger.join(session=99999999)
    stranger.group = ""
    yield "a group without a name", stranger.join()
    yield "heartbeat of no group", stranger.beat(generation=1, member="nobody")
    yield "sync of no group", stranger.sync(generation=1, member="nobody")
    yield "leave of no group", stranger.leave(("nobody", None))
    stranger.group = group
    yield "heartbeat of an unknown group", stranger.beat(generation=1, member="nobody")
    yield "commit of an unknown generation", stranger.commit([(0, 1)], generation=3, member="nobody")
    yield "the first joins without an id", one.join()
    yield "the first joins with it", one.join()
    yield "described before it syncs", described(server, group)
    yield "commit before it syncs", one.commit([(0, 1)])
    yield "sync of another generation", one.sync(generation=7)
    yield "sync of an unknown member", one.sync(member="nobody")
    yield "the first syncs", one.sync([(one, b"all")])
    yield "described, stable", described(server, group)
    yield "heartbeat", one.beat()
    yield "heartbeat of another generation", one.beat(generation=9)
    yield "heartbeat of an unknown member", one.beat(member="nobody")
    yield "commit", one.commit([(0, 10), (1, 20)], metadata="note")
    yield "commit of another generation", one.commit([(0, 11)], generation=9)
    yield "commit of an unknown member", one.commit([(0, 11)], member="nobody")
    yield "commit from outside", one.commit([(0, 11)], generation=-1, member="")
    yield "commit of an unknown topic", one.commit([(0, 1)], topic="nowhere")
    yield "commit of an unknown partition", one.commit([(9, 1)])
    yield "commit with too much to say", one.commit([(0, 11)], metadata="x" * 5000)
    yield "what is committed", committed(server, group, [[topic, [0, 1, 9]], ["nowhere", [0]]])
    yield "all that is committed", committed(server, group, None)
    yield "another type of protocol", stranger.join(kind="connect")
    stranger.id = ""
    yield "no common protocol", stranger.join(protocols=("sticky",))
    yield "deletion of a group that is in use", server.link.ask("DeleteGroups", [group])
    yield "deletion of commits that are in use", server.link.ask("OffsetDelete", group, [[topic, [[0]]]])
    yield "the second joins without an id", two.join()
    two.send_join()
    while (beat := one.beat()) == 0:
        pass
    yield "heartbeat while the second joins", beat
    yield "commit while the second joins", one.commit([(0, 12)])
    one.send_join()
    yield "the first joins again", one.joined()
    yield "the second has joined", two.joined()
    yield "heartbeat before the sync", one.beat()
    yield "commit before the sync", two.commit([(1, 21)])
    two.link.send("SyncGroup", group, two.generation, two.id, None, [])
    yield "the leader syncs", one.sync([(one, b"left"), (two, b"right")])
    answer = two.link.receive()
    yield "the second has synced", (answer["error"], answer["assignment"])
    yield "described, with two", described(server, group)
    yield "a member that does not lead joins again", two.join()
    yield "the second syncs again", two.sync()
    yield "somebody unknown leaves", one.leave(("nobody", None))
    yield "the second leaves", two.leave()
    yield "heartbeat after it left", two.beat()
    yield "heartbeat of who stays", one.beat()
    yield "the first joins, alone", one.join()
    yield "the first syncs, alone", one.sync([(one, b"all")])
    yield "the first leaves", one.leave()
    yield "described, empty", described(server, group)
    yield "commit from outside, to an empty group", one.commit([(0, 33)], generation=-1, member="")
    yield "what is committed now", committed(server, group, [[topic, [0, 1]]])
    yield "listed", [one for one in server.link.ask("ListGroups")["groups"] if one["group"] == group]
    for partition in (0, 9):
        yield f"commit of {partition} deleted", server.link.ask("OffsetDelete", group, [[topic, [[partition]]]])
    yield "what is left", committed(server, group, None)
    yield "the group deleted", server.link.ask("DeleteGroups", [group])
    yield "commits of an unknown group deleted", server.link.ask("OffsetDelete", group, [[topic, [[0]]]])


def static_members(server):
    group = "static"
    one = Member(server, "one", group, instance="worker")
    yield "a static member joins", one.join()
    yield "it syncs", one.sync([(one, b"all")])
    again = Member(server, "again", group, instance="worker")
    yield "it comes back without its id", {**again.join(), "members": None}
    yield "its old id is fenced", one.beat()
    yield "its old id commits", one.commit([(0, 1)])
    yield "it syncs again", again.sync()
    yield "described, static", described(server, group)
    yield "it is removed by its name", again.leave(("", "worker"))
    yield "somebody unknown is removed by name", again.leave(("", "nobody"))
    yield "described, empty", described(server, group)


def coordinators(server):
    for name, kind in (("group", 0), ("transactions", 1), ("nothing", 9)):
        answer = server.link.ask("FindCoordinator", "x", kind)
        yield f"coordinator of {name}", (answer["error"], answer["node"])


def fetches_by_version(server, ends):
    for version in wire.edges("Fetch"):
        def ask(partition, offset, epoch=-1, topic=server.topic, topic_id=server.id):
            part = {"partition": partition, "current_epoch": epoch, "offset": offset, "fetched_epoch": -1, "start": -1, "max": 9000}
            answer = server.link.ask_at("Fetch", version, replica=-1, wait=0, min=1, max=1 << 20, isolation=0, session=0, epoch=-1,
                                        topics=[{"topic": topic, "id": topic_id, "partitions": [part]}], forgotten=[], rack="")
            topics = [(t.get("topic"), t.get("id") == topic_id) for t in answer["topics"]]
            return (answer.get("error"), topics, *(told({"start": None, "preferred": None, **p})
                                                   for t in answer["topics"] for p in t["partitions"]))
        for partition, end in ends.items():
            for offset in (0, end // 2, end - 1, end, end + 1, -1):
                yield f"Fetch {version} of {partition} at {offset}", ask(partition, offset)
            for name, epoch in (("own", 0), ("newer", 1)):
                yield f"Fetch {version} of {partition} with the {name} epoch", ask(partition, 5, server.epochs[partition] + epoch)
        yield f"Fetch {version} of a partition that is not there", ask(9, 0)
        yield f"Fetch {version} of a topic that is not there", ask(0, 0, topic="nowhere", topic_id=b"no such topic id")


def offsets_by_version(server, ends, stamps):
    for version in wire.edges("ListOffsets"):
        for partition in [*ends, 9]:
            for stamp in (-1, -2, -3, stamps[len(stamps) // 2], 1 << 50):
                answer = server.link.ask_at("ListOffsets", version, replica=-1, isolation=0, topics=[
                    {"topic": server.topic, "partitions": [{"partition": partition, "current_epoch": -1, "time": stamp}]}])
                found = answer["topics"][0]["partitions"][0]
                if found.get("epoch", -1) != -1:
                    found["epoch"] = "some"
                yield f"ListOffsets {version}: {stamp} in {partition}", found


def metadata_by_version(server):
    for version in wire.edges("Metadata"):
        def ask(topics):
            answer = server.link.ask_at("Metadata", version, topics=topics, create=False, cluster=False, allowed=False)
            told_of = [topic for topic in answer["topics"] if topics or topic["topic"] == server.topic]
            for topic in told_of:
                topic["id"] = "own" if topic.get("id") == server.id else topic.get("id")
                topic["partitions"] = sorted(({**p, "epoch": p.get("epoch", -1) >= 0} for p in topic["partitions"]),
                                             key=lambda p: p["partition"])
            return answer.get("controller"), answer.get("allowed"), len(answer["brokers"]), sorted(told_of, key=lambda t: t["topic"] or "")
        yield f"Metadata {version}", ask([{"topic": name, "id": bytes(16)} for name in (server.topic, "nowhere")])
        yield f"Metadata {version} of all", ask(None if version else [])
        if version >= 12:
            for name, topic_id in (("own", server.id), ("unknown", b"no such topic id")):
                yield f"Metadata {version} by the {name} id", ask([{"topic": None, "id": topic_id}])


def commits_by_version(server):
    server.link.ask("OffsetCommit", "versions", -1, "", None, [[server.topic, [[0, 7, -1, "note"], [1, 9, -1, ""]]]])
    some = [{"topic": server.topic, "partitions": [0, 1, 9]}, {"topic": "nowhere", "partitions": [0]}]
    for version in wire.edges("OffsetFetch"):
        for group in ("versions", "nobody's"):
            for name, topics in (("some", some), ("all", None)) if version > 1 else (("some", some),):
                answer = server.link.ask_at("OffsetFetch", version, group=group, topics=topics, stable=True,
                                            groups=[{"group": group, "topics": topics}])
                for one in answer.get("groups", [answer]):
                    one["topics"].sort(key=lambda topic: topic["topic"])
                    for topic in one["topics"]:
                        topic["partitions"].sort(key=lambda p: p["partition"])
                yield f"OffsetFetch {version}: {name} of the group {group}", answer
    server.link.ask("DeleteGroups", ["versions"])


def coordinators_by_version(server):
    for version in wire.edges("FindCoordinator"):
        for kind in (0, 9) if version else (0,):
            answer = server.link.ask_at("FindCoordinator", version, key="x", keys=["x", "y"], kind=kind)
            yield f"FindCoordinator {version} of kind {kind}", [(one.get("key"), one["error"], one["node"])
                                                                for one in answer.get("coordinators", [answer])]


def epochs_by_version(server, ends):
    for version in wire.edges("OffsetForLeaderEpoch"):
        for partition in [*ends, 9]:
            own = server.epochs.get(partition, 0)
            for name, current, epoch in (("the own", -1, own), ("a newer", -1, own + 5), ("the own, believing in a newer one", own + 1, own)):
                answer = server.link.ask_at("OffsetForLeaderEpoch", version, replica=-1, topics=[
                    {"topic": server.topic, "partitions": [{"partition": partition, "current_epoch": current, "epoch": epoch}]}])
                found = answer["topics"][0]["partitions"][0]
                yield f"OffsetForLeaderEpoch {version} of {partition}: {name}", (found["error"], found["end"], found["epoch"] == own)


def closes(server):
    for name, version in (("Fetch", 99), ("JoinGroup", 99)):
        link = wire.Connection(server.address)
        try:
            link.send(name, *([-1, 0, 1, 1, 0, 0, -1, [], [], ""] if name == "Fetch" else ["g", 1, 1, "", None, "c", []]), version=version)
            link.receive()
            yield f"{name} of version {version}", "answered"
        except ConnectionError:
            yield f"{name} of version {version}", "closed"


def main():
    weir, kafka, topic, want = sys.argv[1:]
    ends, stamps = {}, set()
    with open(want) as f:
        for line in f:
            partition, offset, time = line.split("\t")[:3]
            ends[int(partition)] = int(offset) + 1
            stamps.add(int(time))
    asked, wrong, left = 0, [], dict(ALLOWED)
    servers = Server(weir, topic), Server(kafka, topic)
    for questions, more in ((topics, ()), (fetches, (ends,)), (times, (ends, sorted(stamps))), (epochs, (ends,)),
                            (coordinators, ()), (fetches_by_version, (ends,)), (offsets_by_version, (ends, sorted(stamps))),
                            (metadata_by_version, ()), (commits_by_version, ()), (coordinators_by_version, ()),
                            (epochs_by_version, (ends,)), (group_moves, ()), (static_members, ()), (closes, ())):
        for (question, ours), (same, theirs) in zip(*(questions(server, *more) for server in servers), strict=True):
            assert question == same, (question, same)
            asked += 1
            if ours == theirs:
                continue
            allowed = left.pop(question, None)
            if allowed is None or allowed[:2] != (ours, theirs):
                wrong.append(f"{question}:\n  Weir  {ours!r:.300}\n  Kafka {theirs!r:.300}")
    wrong += [f"{question}: differs no more" for question in left]
    print(*wrong, sep="\n")
    print(f"{asked} questions, {len(ALLOWED) - len(left)} answers differ as they may, {len(wrong)} as they must not")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
