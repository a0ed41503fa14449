// Package tasks does what happens after the answer: it delivers queued messages
// (Sender), fetches media and keeps the house (Keeper), and rings for work across
// processes through asynq (Bell).
//
// The database says what is to be done; asynq tasks are doorbells without
// content. Within a process the bell is rung in memory, and every loop looks for
// work by itself once in a while, so that a lost ring costs a moment and no message.
package tasks
