/* Every limit of the gateway. What a client sends can make it use no more than these say. */
#pragma once

enum {
	LIMIT_CONNECTIONS = 1024,
	LIMIT_BACKLOG = 128,
	LIMIT_EVENTS = 64, /* of one turn of the loop */

	/* A request, without its length. Beyond the largest batch that producers send by default
	 * (1 MiB), so that they too get an answer and not a closed connection. */
	LIMIT_REQUEST_BYTES = 2 << 20,
	LIMIT_REQUEST_KEPT = 16 << 10,	 /* of its buffer, between requests */
	LIMIT_REQUESTS_BYTES = 64 << 20, /* of all requests that are larger than what is kept */
	LIMIT_ELEMENTS = 16384,		 /* of one array in a request */
	/* Of one connection before another has its turn; none is begun after so long. */
	LIMIT_TURN_REQUESTS = 16,
	LIMIT_TURN_US = 2000,
	LIMIT_REPORT_US = 1000, /* for the report, in one turn of the loop */

	/* An answer: what is made in memory, and what comes from files. */
	LIMIT_ANSWER_BYTES = 4 << 20,
	LIMIT_ANSWER_KEPT = 16 << 10,
	LIMIT_ANSWERS_BYTES = 64 << 20, /* of all answers that are larger than what is kept */
	LIMIT_EXTENTS = 1024,		/* pieces of files; partitions beyond get none this time */
	LIMIT_FETCH_BYTES = 64 << 20,	/* of files; below the 100 MB that librdkafka takes */
	LIMIT_TURN_BYTES = 1 << 20,	/* sent to one connection before another has its turn */

	LIMIT_PIPELINED =
		16, /* answers whose files are held for a client that does not wait for them */
	LIMIT_AGAIN = 10, /* times as long as it took, a Fetch that waits is left alone */

	/* What is on the disk only is read in place, in pieces. But once the disk has made all
	 * clients wait for so long in one turn of the loop, or took as long for something else,
	 * another thread reads it for a while, in larger pieces. */
	LIMIT_DISK_US = 20000,
	LIMIT_DISK_MS = 10 * 1000,
	LIMIT_COLD_BYTES = 128 << 10,
	LIMIT_PREFETCH_BYTES = 4 << 20,

	LIMIT_UNREADABLE_MS = 10 * 1000, /* what could not be read is not tried again before */
	LIMIT_SAY_MS = 60 * 1000,	 /* nor is it said again, of one partition */

	LIMIT_TOPICS = 1024,
	LIMIT_LOOKUPS = 65536, /* in partitions on the disk, of all requests on their way */
	LIMIT_EPOCHS = 1024,  /* leader epochs of a partition: the newest, as the dataplane keeps */
	LIMIT_FILES_KEPT = 4, /* open segments of a partition that nobody reads just now */

	/* Times in ms. */
	LIMIT_IDLE_MS = 10 * 60 * 1000, /* between requests, as Kafka's connections.max.idle.ms */
	LIMIT_RECEIVE_MS = 30 * 1000,	/* from the first byte of a request to its last, and to the
					 * first one of a connection */
	LIMIT_SEND_MS = 120 * 1000,	/* without one byte of the answer taken; all of it, if
					 * it is from segments that are retired meanwhile */
	LIMIT_WAIT_MS = 5 * 60 * 1000,	/* a Fetch that asks for more gets this */

	LIMIT_WATCHES = 16,	 /* partitions of a waiting Fetch that are looked at one by one */
	WAIT_LOOK_MS = 2,	 /* between two looks for new records while a Fetch waits */
	WAIT_BUSY_LOOK_US = 200, /* the same while records come: */
	WAIT_BUSY_MS = 100,	 /* for so long after the last */
	REFRESH_MS = 1000,	 /* between two looks for new streams, and for time-outs */
};
