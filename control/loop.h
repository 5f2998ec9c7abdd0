/*
 * Control's event loop: one thread, epoll over sockets, signals, timers and processes.
 *
 * One event is handled at a time, so a callback may remove any source, its own included.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;

/* events: EPOLLIN and so on. */
typedef void (*loop_fn)(void *ctx, uint32_t events);
typedef void (*loop_timer_fn)(void *ctx);
typedef void (*loop_signal_fn)(void *ctx, int signal);

int loop_create(struct loop **out);
void loop_destroy(struct loop *loop);

/* Watches fd, which stays the caller's. 0 or -errno. */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *ctx);
/* Before the caller closes fd. Nothing happens if fd is not watched. */
void loop_remove(struct loop *loop, int fd);

/* Blocks the signals for the process and hands them to fn instead. Once per loop. */
int loop_signals(struct loop *loop, const sigset_t *signals, loop_signal_fn fn, void *ctx);

/* A timer at rest; NULL: out of descriptors or memory. */
struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_fn fn, void *ctx);
void loop_timer_destroy(struct loop_timer *timer);
/* Fires after after_ns (0 counts as 1), then every every_ns, or once if that is 0. */
void loop_timer_set(struct loop_timer *timer, uint64_t after_ns, uint64_t every_ns);
void loop_timer_stop(struct loop_timer *timer);

/* Handles events until loop_stop(). 0 or -errno. */
int loop_run(struct loop *loop);
/* One event, or none within timeout_ms. */
int loop_once(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC and CLOCK_REALTIME in ns. */
uint64_t loop_mono_ns(void);
uint64_t loop_real_ns(void);
