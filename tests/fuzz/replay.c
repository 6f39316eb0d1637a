// SPDX-License-Identifier: Apache-2.0
/* Plays a corpus (files and directories of them) through a fuzz target as an ordinary test; fails where nothing was there to
 * play. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t played;

static int play_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(size ? size : 1);
	int r = -1;

	if (f && data && fread(data, 1, size, f) == size) {
		LLVMFuzzerTestOneInput(data, size);
		played++;
		r = 0;
	}
	if (r < 0)
		perror(path);
	free(data);
	if (f)
		fclose(f);
	return r;
}

static int play(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return play_file(path, (size_t)st.st_size);

	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort), r = n < 0 ? -1 : 0;
	for (int i = 0; i < n; i++) {
		char below[4096];
		snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && play(below) < 0)
			r = -1;
		free(names[i]);
	}
	free(names);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++) {
		if (play(argv[i]) < 0)
			r = 1;
	}
	printf("%zu inputs\n", played);
	return played ? r : 1;
}
