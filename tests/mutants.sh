#!/bin/sh
# mutants.sh - breaks each rule of the arithmetic on purpose, in a copy below build/mutants, and sees that the named
# checks fail: make test-mutants, or tests/mutants.sh NAME ... for some. A mutant that a named check survives, or whose
# edit no longer finds its line, fails. For x86-64, because half of the edits are of AVX-512's files: where the CPU does
not have it, by the emulation of tests/emulate.
set -u
cd "$(dirname "$0")/.." || exit 1

wanted=" $* "
top=build/mutants
tree=$top/tree
rm -rf "$tree" && mkdir -p "$tree"
{ git ls-files --cached --others --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print; } |
    tar -T - -cf - 2>/dev/null | tar -C "$tree" -xmf -

fast='-O1 -fexpensive-optimizations'
flags=$fast
emulate=
grep -q avx512f /proc/cpuinfo || emulate=avx512
build() {
    make -C "$tree" -j"$(nproc)" BUILD="$PWD/$top/out" CFLAGS="$flags" EMULATE=$emulate "$PWD/$top/out/tests/plain" \
        >"$top/log" 2>&1
}
run() { (cd "$tree" && "../out/tests/plain" "$@") >>"$top/log" 2>&1; }

build || { tail -n 20 "$top/log"; echo "mutants.sh: the unchanged tree does not build" >&2; exit 1; }
run --quick && run all_floats decay_is_realised beyond_32_bits ||
    { tail -n 20 "$top/log"; echo "mutants.sh: the unchanged tree does not pass" >&2; exit 1; }
[ -z "$emulate" ] || echo "this CPU has no AVX-512: its mutants are built with EMULATE=avx512"

passed=0 failed=0
# mutant NAME 'CHECK ... [--quick]' FILE SED [FILE SED ...]
mutant() {
    name=$1 checks=$2
    shift 2
    case $wanted in '  ' | *" $name "*) ;; *) return ;; esac
    options= names= survived= files=
    for word in $checks; do
        case $word in --*) options="$options $word" ;; *) names="$names $word" ;; esac
    done
    while [ $# -gt 0 ]; do
        files="$files $1"
        cp "$tree/$1" "$top/before"
        sed -i "$2" "$tree/$1"
        cmp -s "$tree/$1" "$top/before" && survived="$survived (no line of $1 was changed)"
        shift 2
    done
    if [ -z "$survived" ] && ! build; then
        survived=" (it does not build: $(grep -m 1 error "$top/log"))"
    fi
    if [ -z "$survived" ]; then
        for check in $names; do
            run $options "$check" && survived="$survived $check"
        done
    fi
    if [ -z "$survived" ]; then
        passed=$((passed + 1))
        printf 'found    %-18s by%s\n' "$name" "$names"
    else
        failed=$((failed + 1))
        printf 'SURVIVED %-18s%s\n' "$name" "$survived"
    fi
    for file in $files; do
        cp "$file" "$tree/$file"
    done
}

update=kernels/body/update.h avx2=kernels/vec/avx2.h avx512=kernels/vec/avx512.h
team=kernels/run/team.c coefficients=kernels/plan/coefficients.c

# Contraction, and fma where the formula has none, or none where it has one.
flags=-O2 # which fuses across branches as well
mutant contraction '--quick isa_equals_scalar conformance' kernels/strict.h '/fp-contract=off/d' \
    Makefile 's/-ffp-contract=off/-ffp-contract=fast/'
flags=$fast
mutant scalar-without-fma '--quick vocabulary isa_equals_scalar' \
    kernels/vec/scalar.h 's/return fmaf(a, b, c);/return a * b + c;/'
mutant stray-fma '--quick conformance' $update \
    's/return v_sub(p, v_fma(.*/return v_fnma(v_set(k->accurate.decay), p, v_fnma(v_set(k->accurate.step_size), u, p));/'
# Only correctly rounded operations.
mutant root-estimate '--quick all_floats isa_equals_scalar' $avx512 's/return v_fma(v_fnma(s, s, x), h, s);/return s;/'
mutant root-range 'all_floats' $avx512 's/low = 0x12800000/low = 0x00800000/'
mutant root-side-by-side '--quick bundles' $avx2 \
    's/const vfloat reciprocal = .*/const vfloat near = v_mul(x, estimate), s = v_fma(near, step, near), reciprocal = v_fma(estimate, step, estimate);/'
mutant root-to-nearest '--quick threads_are_one' $update 's/form.mix.bundle > 1 \&\& k.to_nearest/form.mix.bundle > 1/'
mutant reciprocal '--quick vocabulary isa_equals_scalar' $avx512 \
    's/return _mm512_div_ps(a, b);/return _mm512_mul_ps(a, _mm512_div_ps(_mm512_set1_ps(1), b));/'
mutant quotient-once '--quick bundles isa_equals_scalar' $avx2 \
    's/return v_fnma(_mm256_min_ps(beyond, v_set(0x1p64f)), reciprocal, q);/(void)beyond;\n    return q;/'
mutant quotient-infinite '--quick bundles isa_equals_scalar' $avx512 's/_mm512_min_ps(beyond, v_set(0x1p64f))/beyond/'
mutant quotient-sign '--quick bundles' $avx2 's/beyond = v_fms(q, d, a);/beyond = v_sub(v_set(0), v_fnma(q, d, a));/'
# The maximum, the tail, sums, conversions.
mutant native-max '--quick vocabulary isa_equals_scalar' $avx2 \
    's/vfloat take_a = .*/return _mm256_max_ps(a, b);\n    vfloat take_a = a;/'
mutant maximum-of-numbers '--quick vocabulary isa_equals_scalar' $avx512 's/ | _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q)//'
mutant clamp-order '--quick vocabulary' $avx512 's/_mm512_min_ps(limit, \(_mm512_max_ps(.*)\));/_mm512_min_ps(\1, limit);/'
mutant mask-short '--quick vocabulary memory isa_equals_scalar' $avx512 's/((1u << n) - 1u)/((1u << n >> 1) - (n > 1))/'
mutant other-tail '--quick isa_equals_scalar split_is_whole' $update \
    's/update_vector(&k, &s, at, n % LANES, form);/{ update_form other = form; other.small_beta2 = true; other.traits.torch = false; update_vector(\&k, \&s, at, n % LANES, other); }/'
mutant sum-order '--quick update_norms' $avx2 's/sum->lane\[2 \* i + 1\] = add_square(sum->lane\[2 \* i + 1\]/sum->lane[2 * i] = add_square(sum->lane[2 * i]/'
mutant bf16-truncates '--quick all_floats' $avx2 's/_mm256_set1_epi32(0x7FFF)/_mm256_set1_epi32(0)/'
mutant f16-truncates '--quick all_floats' $avx2 's/_MM_FROUND_TO_NEAREST_INT/_MM_FROUND_TO_ZERO/'
# The floating-point environment.
mutant worker-env '--quick threads_are_one' $team '/adamw_float_env_set(caller_env);/d'
mutant worker-env-kept '--quick float_env_kept' $team '/adamw_float_env_set(own_env);/d'
mutant caller-env-kept '--quick float_env_kept' kernels/api/step.c '/adamw_float_env_set(env);/d'
# Coefficients.
mutant bias-by-pow '--quick coefficients' $coefficients \
    's/double x = 1 - beta, r = 0;/return 1 - pow(beta, (double)step);\n    &/'
mutant running-product '--quick resume coefficients' $coefficients \
    's/double x = 1 - beta, r = 0;/static float product[2] = {1, 1}; float *own = \&product[beta > 0.95]; *own *= (float)beta; return 1 - *own;\n    &/'
mutant eps-uncorrected '--quick coefficients accuracy_bar' $coefficients 's/config->eps \* bias_correction2_sqrt/config->eps/'
mutant no-small-betas '--quick small_betas' $coefficients 's/config->beta2 < 0.5/false/'
# ACCURATE and TORCH, each against the other's form.
mutant decay-as-factor 'decay_is_realised' $update \
    's/return v_sub(p, v_fma(.*/return v_sub(v_mul(v_set(1 - k->accurate.decay), p), v_mul(v_set(k->accurate.step_size), u));/'
mutant torch-2.0-lerp '--quick torch_golden' $update \
    's/if (!form.small_beta1) {$/if (is.torch) {\n        m = v_fma(v_mul(v_set(k->sign), v_set(k->c1)), g, v_mul(m, v_set(k->beta1)));\n    } else if (!form.small_beta1) {/'
mutant one-lerp-form '--quick torch_golden' $update 's/m = v_fnma(v_sub(turned, m), v_set(k->torch.one_minus_c1), turned);/m = v_fma(v_set(k->c1), v_sub(turned, m), m);/'
# Memory.
mutant whole-load '--quick memory' $avx2 's/return _mm256_maskload_ps(.*/return _mm256_loadu_ps((const float *)from);/'
mutant mask-long '--quick vocabulary memory' $avx512 's/((1u << n) - 1u)/((2u << n) - 1u)/'
mutant whole-store '--quick memory' $avx2 's/_mm256_maskstore_ps((float \*)to, first_lanes(n), x)/_mm256_storeu_ps((float *)to, x)/'
mutant aligned-load '--quick memory' $avx2 's/vfloat x = _mm256_loadu_ps(/vfloat x = _mm256_load_ps(/'
mutant index-of-32-bits 'beyond_32_bits' kernels/run/stages.c 's/at = first \* sizeof(float)/at = (uint32_t)first * sizeof(float)/'

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
