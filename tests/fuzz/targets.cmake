# The parsers that are fuzzed: <name>.cpp is the target, corpus/<name> its seeds.
set(DLTONIC_FUZZ_TARGETS aedat2 aedat3 aedat4 atis dat gesture_labels idx image npy)
