// SPDX-License-Identifier: Apache-2.0
#include "identity/container.h"

#include <stdio.h>

#include "harness/unit.h"

#define A "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void ids_of_the_engines(void **state)
{
	static const struct {
		const char *cgroup;
		const char *id; /* NULL: none */
	} rows[] = {
		{"0::/system.slice/docker-" A ".scope\n", A},
		{"12:pids:/docker/" A "\n11:cpu:/docker/" A "\n", A},
		{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5a_1.slice/cri-containerd-" A ".scope", A},
		{"1:name=systemd:/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:" A, A},
		{"0::/kubepods/besteffort/pod1-2-3/" A, A},
		{"0::/kubepods.slice/crio-" A ".scope/container", A},
		{"0::/machine.slice/libpod-" A ".scope/container\n", A},
		{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope", A},
		{"0::/docker/" A "/docker/" B "\n", B},
		{"0::/machine.slice/libpod-conmon-" A ".scope\n", NULL},
		{"0::/kubepods.slice/crio-conmon-" A ".scope\n", NULL},
		{"0::/system.slice/ssh.service\n", NULL},
		{"0::/docker/" A "0\n", NULL},
		{"0::/docker/x" A "\n", NULL},
		{"0::/", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[TT_CONTAINER_ID_LEN] = "untouched";
		bool found = tt_container_id(tt_span_str(rows[i].cgroup), id);
		assert_int_equal(found, rows[i].id != NULL);
		assert_string_equal(id, rows[i].id ? rows[i].id : "untouched");
	}
	assert_true(tt_container_is_pod(tt_span_str(rows[2].cgroup)));
	assert_false(tt_container_is_pod(tt_span_str(rows[0].cgroup)));
}

static void workloads_of_pods(void **state)
{
	static const char *const rows[][2] = {
		{"web-5d8f7c9b64-x2v4q", "web"},
		{"shop-api-7c9b64f5d8-q2x4v", "shop-api"},
		{"agent-x2v4q", "agent"},
		{"db-0", "db"},
		{"db-12", "db"},
		{"kafka-main-2", "kafka-main"},
		{"plain", "plain"},
		{"my-server", "my-server"},
		{"a-house", "a-house"},
		{"-", "-"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];
		struct tt_span w = tt_container_workload(tt_span_str(rows[i][0]));
		snprintf(text, sizeof(text), "%.*s", (int)w.len, (const char *)w.data);
		assert_string_equal(text, rows[i][1]);
	}
}

TT_UNIT_TESTS(cmocka_unit_test(ids_of_the_engines), cmocka_unit_test(workloads_of_pods))
