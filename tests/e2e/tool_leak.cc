// SPDX-License-Identifier: Apache-2.0
// So many objects that are not deleted, others that are, and one that is too large; as tests/e2e/tool_leak.c.
#include <cstdlib>
#include <new>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static char *volatile kept[10000];
static volatile std::size_t too_much = static_cast<std::size_t>(-1) / 4;

APART void news_here(std::size_t count, std::size_t size)
{
	for (std::size_t i = 0; i < count; i++)
		kept[i] = new char[size];
}

APART void deletes_here(std::size_t count, std::size_t size)
{
	for (std::size_t i = 0; i < count; i++) {
		char *volatile gone = new char[size];
		delete[] gone;
	}
}

APART bool throws_here()
{
	try {
		kept[9999] = new char[too_much];
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	char c;
	if (read(STDIN_FILENO, &c, 1) != 1)
		return 1;
	bool thrown = throws_here();
	news_here(std::strtoul(argv[1], nullptr, 10), std::strtoul(argv[2], nullptr, 10));
	deletes_here(100, 50);
	(void)!write(STDOUT_FILENO, thrown ? "done\n" : "none\n", 5);
	while (read(STDIN_FILENO, &c, 1) == 1) {
	}
	return 0;
}
