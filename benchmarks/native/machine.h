// What this machine can do at most: the yardsticks of adapt_bench.cpp.
#pragma once

// Multiply-adds a second of one thread, measured over about a millisecond. Compiled for the machine it runs
// on.
double measure_multiply_adds();

// Bytes a second that one thread reads from memory, measured over about 256 MiB.
double measure_bandwidth();
