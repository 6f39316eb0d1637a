/* SPDX-License-Identifier: Apache-2.0 */
/* ZooKeeper's commands of four letters: all a client says on its connection, answered by text, after which the server closes it.
 */
#ifndef TT_PROTO_ZOOKEEPER_WORD_H
#define TT_PROTO_ZOOKEEPER_WORD_H

#include "proto/proto.h"

#define ZOOKEEPER_WORD_BYTES 4

/* Is all that the client said such a word, with or without the end of a line? */
bool zookeeper_word_alone(struct tt_span said);

/* Is a connection on which the client said such a word alone ZooKeeper's? What is answered tells: others have these words, too.
 */
enum tt_verdict zookeeper_word_judge(const struct tt_first *first);

#endif
