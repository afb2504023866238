# sanitize.sh - parts of tools/check.sh that run the checks or the fuzzer under a sanitizer or valgrind.

part_asan() {
    needs gcc
    flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    ASAN_OPTIONS=$ASAN_OPTIONS:allocator_may_return_null=1 # as malloc does; a check asks for too much on purpose
    export UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=tools/check/lsan.supp:print_suppressions=0
    gcc $flags -fno-sanitize=object-size tools/check/flaws.c -o "$work/flaws" # which would name the overflow first
    expect_found overflow heap-buffer-overflow "$work/flaws"
    expect_found leak 'detected memory leaks' "$work/flaws"
    expect_found undefined 'signed integer overflow' "$work/flaws"
    # gcc's: clang takes four minutes to optimise what UBSan makes of each of two kernel files.
    build_plain CC=gcc CFLAGS="$flags" LDFLAGS="$flags"
    run_checks "$work/tests/plain --quick"
}

part_valgrind() {
    needs valgrind gcc
    tool='valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite
        --errors-for-leak-kinds=definite --suppressions=tools/check/valgrind.supp'
    gcc -g tools/check/flaws.c -o "$work/flaws"
    expect_found uninitialised 'depends on uninitialised value' $tool "$work/flaws"
    expect_found leak 'definitely lost' $tool "$work/flaws"
    expect_found overflow 'Invalid read' $tool "$work/flaws"
    build_default "$default/tests/plain"
    # What valgrind adds to asan: uninitialised values in hand-written vectors. Left to the other parts are the
    # comparisons of ISAs (valgrind 3.19 gives fnma(-0, 15, -0) the wrong sign of zero), what compares with long double
    # (which valgrind cuts to double: update_norms, coefficients, ema_weights), and exception flags, which it has not.
    run_checks "$tool $default/tests/plain --quick" memory split threads groups resume small_betas bad isa_choice \
        isa_names known_answer update_parts update_skip update_streams update_report norm_order exact_sum overlaps \
        team_size accumulate loss_scale bias_correction no_exp_avg
}

# The library's own threads need nothing but this; what OpenMP's do is the compiler's.
part_tsan() {
    needs clang-14
    flags='-O1 -g -fsanitize=thread'
    # The forked children of a check start threads of their own, which this ThreadSanitizer refuses unless asked.
    export TSAN_OPTIONS=halt_on_error=1:exitcode=66:die_after_fork=0:allocator_may_return_null=1
    # Address-space randomisation beyond what this ThreadSanitizer knows makes it abort at the start.
    quiet=
    if command -v setarch >/dev/null 2>&1 && setarch -R true 2>/dev/null; then
        quiet='setarch -R'
    fi
    clang-14 $flags -pthread tools/check/flaws.c -o "$work/flaws"
    expect_found race 'data race' $quiet "$work/flaws"
    for sleep in '' -DADAMW_NO_FUTEX; do # futexes, then what other systems have
        build_plain CC=clang-14 CFLAGS="$flags $sleep" LDFLAGS="$flags" OPENMP=no
        run_checks "$quiet $work/tests/plain --quick" team process split threads groups resume float_env isa_choice \
            allocation update_ norm_order accumulate no_exp_avg memory_given bad_options
    done
}

# A fixed number of runs, so that two machines do the same; the corpora are read, never written.
part_fuzz() {
    needs clang-14
    flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'
    # The kernels without UBSan, which part asan has them under: clang takes four minutes for each of two files with it.
    make -j"$(nproc)" BUILD="$work" CC=clang-14 CFLAGS="$flags -fsanitize=fuzzer-no-link" LDFLAGS="$flags" \
        ISA_CFLAGS=-fno-sanitize=undefined WERROR=yes "$work/libadamw.a"
    for target in step:200000:512 update:40000:512 schedule:20000:512 file:60000:2048; do
        longest=${target##*:} target=${target%:*}
        runs=${FUZZ_RUNS:-${target#*:}} target=${target%:*}
        clang-14 -std=c11 -Wall -Wextra -Werror $flags -fsanitize=fuzzer -pthread "tests/fuzz/fuzz_$target.c" \
            tests/fuzz/list.c tests/checks/schedule_any.c "$work/libadamw.a" -lm -o "$work/fuzz_$target"
        mkdir -p "$work/new/$target"
        echo "fuzz_$target:"
        "$work/fuzz_$target" -seed=1 -runs="$runs" -max_len="$longest" -print_final_stats=1 \
            -artifact_prefix="$work/$target-" "$work/new/$target" "tests/fuzz/corpus/$target"
    done
    # Texts for adamw-lr, the benchmarks and schedules, whose readers get the fuzzer's files and memory.
    mkdir -p "$work/new/text" "$work/texts"
    for source in tools/lr/metric.c bench/core/lists.c; do
        clang-14 -std=c11 -Wall -Wextra -Werror $flags -fsanitize=fuzzer-no-link -Dfopen=fuzz_fopen \
            -Dfclose=fuzz_fclose -Dfree=fuzz_free -Drealloc=fuzz_realloc -c "$source" \
            -o "$work/texts/$(basename "$source" .c).o"
    done
    clang-14 -std=c11 -Wall -Wextra -Werror $flags -fsanitize=fuzzer -pthread tests/fuzz/fuzz_text.c \
        "$work"/texts/*.o "$work/libadamw.a" -lm -o "$work/fuzz_text"
    echo "fuzz_text:"
    "$work/fuzz_text" -seed=1 -runs="${FUZZ_RUNS:-20000}" -max_len=1024 -print_final_stats=1 \
        -artifact_prefix="$work/text-" "$work/new/text" tests/fuzz/corpus/text
    # The trainer's readers, whose memory the fuzzer gives.
    mkdir -p "$work/new/data" "$work/readers"
    for source in data fleet cmapss idx; do
        clang-14 -std=c11 -Wall -Wextra -Werror $flags -fsanitize=fuzzer-no-link,float-cast-overflow -Dfree=fuzz_free \
            -c "tools/train/$source.c" -o "$work/readers/$source.o"
    done
    clang-14 -std=c11 -Wall -Wextra -Werror $flags -fsanitize=fuzzer -Dfree=fuzz_free tests/fuzz/fuzz_data.c \
        "$work"/readers/*.o -lm -lz -o "$work/fuzz_data"
    echo "fuzz_data:"
    "$work/fuzz_data" -seed=1 -runs="${FUZZ_RUNS:-20000}" -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$work/data-" "$work/new/data" tests/fuzz/corpus/data
}
