/// Linked to LibTorch and nothing else: the loader must find all that LibTorch needs (see no_toolkit.py).
int main() {}
