# static.sh - parts of tools/check.sh that read the sources and run nothing.

part_analyzer() {
    needs gcc
    build_plain CC=gcc CFLAGS='-O2 -fanalyzer'
}

part_clang_tidy() {
    needs clang-tidy-14
    clang-tidy-14 --quiet $(find kernels tests -name '*.c' ! -name 'test_*') -- -std=c11 -fopenmp
}

part_cppcheck() {
    needs cppcheck
    cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        -Iinclude kernels tests/checks tests/plain.c
}
