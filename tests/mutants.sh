#!/bin/sh
# mutants.sh - breaks each rule on purpose, in a copy below build/mutants, and sees that the named checks fail:
# make test-mutants, or tests/mutants.sh NAME ... for some. A mutant that a named check survives, or whose edit no longer
# finds its line, fails. For any x86-64 CPU: where it has no AVX-512, that runs by the emulation of tests/emulate.
set -u
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL
cd "$(dirname "$0")/.." || exit 1

wanted=" $* "
top=build/mutants
tree=$top/tree
rm -rf "$tree" && mkdir -p "$tree"
{ git ls-files --cached --others --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print; } |
    tar -T - -cf - 2>/dev/null | tar -C "$tree" -xmf -
# A build with other bits is refused at its first step, so that every check that takes one would find every mutant.
sed -i 's/adamw_answers_are_known(choice->kernels)/true/' "$tree/kernels/dispatch/isa.c"
! grep -q adamw_answers_are_known "$tree/kernels/dispatch/isa.c" ||
    { echo "mutants.sh: kernels/dispatch/isa.c still refuses a build with other bits" >&2; exit 1; }

fast='-O1 -fexpensive-optimizations'
flags=$fast
emulate=
grep -q avx512f /proc/cpuinfo || emulate=avx512
build() { # with options of make's
    make -C "$tree" -j"$(nproc)" BUILD="$PWD/$top/out" CFLAGS="$flags" EMULATE=$emulate "$@" \
        "$PWD/$top/out/tests/plain" >"$top/log" 2>&1
}
run() { (cd "$tree" && env $settings "../out/tests/plain" "$@") >>"$top/log" 2>&1; }

settings=
build || { tail -n 20 "$top/log"; echo "mutants.sh: the unchanged tree does not build" >&2; exit 1; }
run --quick && { [ "$wanted" != '  ' ] || run all_floats decay_is_realised beyond_32_bits; } ||
    { tail -n 20 "$top/log"; echo "mutants.sh: the unchanged tree does not pass" >&2; exit 1; }
[ -z "$emulate" ] || echo "this CPU has no AVX-512: its mutants are built with EMULATE=avx512"

passed=0 failed=0
# mutant NAME 'CHECK ... [--quick] [VARIABLE=VALUE]' FILE SED [FILE SED ...]
mutant() {
    name=$1 checks=$2
    shift 2
    case $wanted in '  ' | *" $name "*) ;; *) return ;; esac
    options= names= settings= survived= files= older=
    # Emulated, AVX-512 takes two thirds of a build and of a check: it is left as it was where neither it nor what it is
    # compared with is edited.
    [ -z "$emulate" ] || case $* in *vec/avx512.h* | *vec/scalar.h*) ;; *) older=$PWD/$top/out/obj/kernels/isa/avx512.o ;; esac
    [ -z "$older" ] || options='--isa avx2'
    for word in $checks; do
        case $word in
        --*) options="$options $word" ;;
        *=*) settings="$settings $word" ;;
        *) names="$names $word" ;;
        esac
    done
    while [ $# -gt 0 ]; do
        files="$files $1"
        cp "$tree/$1" "$tree/$1.kept"
        sed -i "$2" "$tree/$1"
        cmp -s "$tree/$1" "$tree/$1.kept" && survived="$survived (no line of $1 was changed)"
        shift 2
    done
    if [ -z "$survived" ] && ! build ${older:+-o "$older"}; then
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
        cp "$tree/$file.kept" "$tree/$file"
    done
}

update=kernels/body/update.h avx2=kernels/vec/avx2.h avx512=kernels/vec/avx512.h
threads=kernels/run/team_threads.c team=kernels/run/team.c coefficients=kernels/plan/coefficients.c averages=kernels/plan/options.c
validate=kernels/plan/validate.c isa=kernels/dispatch/isa.c pass=kernels/run/pass.c sums=kernels/run/sums.c
whole=kernels/api/update.c step=kernels/api/step.c scale=kernels/api/loss_scale.c blocks=kernels/run/stages.c
stages=kernels/body/stages.h

# Contraction, and fma where the formula has none, or none where it has one.
flags='-O2 -mfma' # for the scalar kernels, in whose loop over values there is most to fuse
mutant contraction '--quick isa_equals_scalar conformance' kernels/strict.h '/fp-contract=off/d' \
    Makefile 's/-ffp-contract=off/-ffp-contract=fast/'
flags=$fast
mutant scalar-without-fma '--quick vocabulary isa_equals_scalar' \
    kernels/vec/scalar.h 's/return adamw_fmaf(a, b, c);/return a * b + c;/'
mutant stray-fma '--quick conformance' $update \
    's/return v_sub(p, v_fma(.*/return v_fnma(v_set(k->accurate.decay), p, v_fnma(v_set(k->accurate.step_size), u, p));/'
# Only correctly rounded operations.
mutant root-estimate '--quick all_floats isa_equals_scalar' $avx512 's/return v_fma(v_fnma(s, s, x), h, s);/return s;/'
mutant root-range 'all_floats' $avx512 's/low = 0x12800000/low = 0x00800000/'
mutant root-side-by-side '--quick bundles' $avx2 \
    's/const vfloat reciprocal = .*/const vfloat near = v_mul(x, estimate), s = v_fma(near, step, near), reciprocal = v_fma(estimate, step, estimate);/'
mutant root-to-nearest '--quick threads_are_one ADAMW_TUNING=intel' $update 's/form.mix.bundle == 1 || k->to_nearest ?/true ?/'
mutant reciprocal '--quick vocabulary isa_equals_scalar' $avx512 \
    's/return _mm512_div_ps(a, b);/return _mm512_mul_ps(a, _mm512_div_ps(_mm512_set1_ps(1), b));/'
mutant quotient-once '--quick bundles isa_equals_scalar' $avx2 \
    's/return v_fnma(_mm256_min_ps(beyond, v_set(0x1p64f)), reciprocal, q);/(void)beyond;\n    return q;/'
mutant quotient-infinite '--quick bundles isa_equals_scalar' $avx512 's/_mm512_min_ps(beyond, v_set(0x1p64f))/beyond/'
mutant quotient-sign '--quick bundles' $avx2 's/beyond = v_fms(q, d, a);/beyond = v_sub(v_set(-0.0f), v_fnma(q, d, a));/'
# The maximum, the tail, sums, conversions.
mutant native-max '--quick vocabulary isa_equals_scalar' $avx2 \
    's/vfloat take_a = .*/return _mm256_max_ps(a, b);\n    vfloat take_a = a;/'
mutant maximum-of-numbers '--quick vocabulary isa_equals_scalar' $avx512 's/ | _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q)//'
mutant clamp-order '--quick vocabulary' $avx512 's/_mm512_min_ps(limit, \(_mm512_max_ps(.*)\));/_mm512_min_ps(\1, limit);/'
mutant mask-short '--quick vocabulary memory isa_equals_scalar' $avx512 's/((1u << n) - 1u)/((1u << n >> 1) - (n > 1))/'
mutant other-tail '--quick isa_equals_scalar split_is_whole' $update \
    's/update_vector(k, s, at, n % LANES, form);/{ update_form other = form; other.small_beta2 = true; other.traits.torch = false; update_vector(k, s, at, n % LANES, other); }/'
mutant sum-order '--quick norm_order' $avx2 's/sum->lane\[2 \* i + 1\] = add_square(sum->lane\[2 \* i + 1\]/sum->lane[2 * i] = add_square(sum->lane[2 * i]/'
mutant bf16-truncates '--quick all_floats' $avx2 's/_mm256_set1_epi32(0x7FFF)/_mm256_set1_epi32(0)/'
mutant f16-truncates '--quick all_floats' $avx2 's/_MM_FROUND_TO_NEAREST_INT/_MM_FROUND_TO_ZERO/'
# The floating-point environment.
mutant worker-env '--quick team_environment' $threads '/adamw_float_env_set(team.job.env);/d'
mutant host-env '--quick team_host' kernels/run/team_host.c '/adamw_float_env_set(of->job->env);/d'
mutant host-env-kept '--quick team_host' kernels/run/team_host.c '/adamw_float_env_set(own_env);/d'
mutant caller-env-kept '--quick float_env_kept' kernels/api/step.c '/adamw_float_env_set(env);/d'
# Threads.
mutant mark-behind '--quick long_list' kernels/run/pieces.c 's/offset\[i\] <= pieces->begin/offset[i] <= pieces->end/'
mutant part-twice '--quick team_parts' $threads 's/? front : back - 1;/? front : front;/'
mutant not-waited-for '--quick team_environment' $threads 's/wait_for_parts(now);/;/'
mutant more-threads '--quick process_threads' $threads 's/self >= threads/false/;s/team.started + 1 < threads \&\& now/team.started + 1 < 7 \&\& now/'
mutant host-part-twice '--quick team_host' kernels/run/team_host.c 's/ || (atomic_fetch_or.*/)/'
mutant host-part-left-out '--quick team_host' kernels/run/team_host.c '/body(&this_call, part);/d'
mutant fork-keeps-threads '--quick process_fork' kernels/run/team.c '/adamw_threads_forget();/d'
mutant fork-keeps-results '--quick process_fork' kernels/run/team.c '/atomic_flag_clear(&results_taken);/d'
mutant affinity-ignored '--quick process_limits' kernels/run/team_cpus.c 's/return CPU_COUNT_S(.*/return 4;/'
mutant quota-of-one-level '--quick cpu_quota' kernels/run/team_cpus.c "s/path\[length\] == '\/' || //"
mutant quota-rounded-down '--quick cpu_quota' kernels/run/team_cpus.c 's/quota \/ period + .*/quota \/ period;/'
mutant signals-open '--quick process_threads' kernels/run/team_start.c 's/SIG_BLOCK, &all, before/SIG_BLOCK, NULL, before/'
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
# Narrow streams.
narrow='--quick narrow_is_rounded_once'
mutant random-place "$narrow" kernels/run/stages.c 's/b->tensor->first_index + first, word/first, word/'
mutant random-keys "$narrow" kernels/run/stages.c \
    's/return n < to_new_keys ? n : (size_t)to_new_keys;/(void)to_new_keys;\n    return n;/'
mutant random-word "$narrow narrow_conformance" kernels/run/random.c 's/<< 1 | word)/<< 1)/'
mutant random-nan "$narrow" kernels/body/stages.h \
    's/= v_one_nan(load_as(from + at \* 4, ADAMW_DTYPE_FLOAT32, values));/= load_as(from + at * 4, ADAMW_DTYPE_FLOAT32, values);/'
mutant split-sign '--quick conversions split_is_float32' kernels/body/stages.h \
    's/b_add(upper, b_sub(b_xor(lower, b_set(0x8000)), b_set(0x8000)))/b_add(upper, lower)/'
mutant residual-lost '--quick compensated' kernels/body/update.h 's/v_sub(change, v_sub(sum, p))/v_set(0)/'

# What is looked at, and what is refused.
mutant first-group-alone '--quick bad_arguments' $validate 's/if (group != config && group != known)/if (group != config \&\& known == config)/'
mutant overlap-of-one '--quick overlaps' $validate 's/v->start < views\[j\].start + views/v->start + 1 < views[j].start + views/'
mutant overlap-below '--quick overlaps' $validate 's/views\[j\].start < v->start + v->bytes/views[j].start + 1 < v->start + v->bytes/'
mutant last-norm-free '--quick overlaps' $validate 's/asked->count \* sizeof \*norms/sizeof *norms/'
mutant report-free '--quick overlaps' $validate 's/if (asked->report != NULL)/if (false)/'
mutant ema-always-used '--quick overlaps' $validate 's/return asks_ema(asked);/return t->param_ema != NULL;/'
mutant exp-avg-unchecked '--quick overlaps' $validate 's/return asked->group->beta1 != 0 || t->exp_avg != NULL;/return asked->group->beta1 != 0;/'
mutant accumulate-half '--quick overlaps' $validate 's/sum < grad + tensor->n \* size/sum < grad + tensor->n * 2/'
mutant too-many-values '--quick overlaps' $validate 's/ || tensor->n > SIZE_MAX - plan->total)/)/'
mutant auto-does-nothing '--quick isa_choice' $isa 's/^    atomic_store(&active, choice);/    if (isa != ADAMW_ISA_AUTO)\n    &/'
mutant part-of-a-name '--quick isa_names' $isa 's/strcmp(name, isas\[i\].name) == 0/strncmp(name, isas[i].name, strlen(name)) == 0/'
mutant skip-raises-scale '--quick loss_scale' $scale 's/if (scale->scale > scale->min_scale)/if (true)/'
mutant growth-of-one '--quick loss_scale' $scale 's/isgreater(x, 1)/isgreaterequal(x, 1)/'
# Scalars.
mutant torch-w1 '--quick coefficients' $coefficients 's/one_minus_c1 = 1 - k->c1;/one_minus_c1 = k->beta1;/'
mutant step-size-order '--quick coefficients' $coefficients 's|lr \* bias_correction2_sqrt / bias_correction1|lr / bias_correction1 * bias_correction2_sqrt|'
mutant step-of-41-bits '--quick coefficients' $coefficients 's/double x = 1 - beta, r = 0;/&\n    step \&= (UINT64_C(1) << 41) - 1;/'
mutant correction1-stays '--quick bias_correction coefficients' $coefficients 's/config->bias_correction ? adamw_bias_correction(config->beta1, step) : 1;/adamw_bias_correction(config->beta1, step);/'
mutant correction2-stays '--quick bias_correction coefficients' $coefficients 's/config->bias_correction ? sqrt(adamw_bias_correction(config->beta2, step)) : 1;/sqrt(adamw_bias_correction(config->beta2, step));/'
mutant ema-few-newtons '--quick ema_weights' $averages 's/i < 8; i++/i < 4; i++/'
mutant ema-decay-of-one '--quick ema_weights' $averages 's/if (options->ema_decay == 1)/if (false)/'
mutant torch-clip-grows '--quick update_report' $averages 's/return coefficient > 1 ? 1 : coefficient;/return coefficient;/'
mutant torch-clip-in-double '--quick update_report' $averages 's/if (config->arithmetic == ADAMW_ARITHMETIC_TORCH) {/if (false) {/'
# The stages, and a missing first moment.
mutant clip-before-scale '--quick update_report' $stages 's/v_clamp(v_mul(v_set(by->scale), grad), v_set(by->limit))/v_mul(v_set(by->scale), v_clamp(grad, v_set(by->limit)))/'
mutant tail-not-clipped '--quick update_report' $stages 's/n - at, scaled_grad(\(load_as(.*)\), by));/n - at, v_mul(v_set(by->factor * by->scale), \1));/'
mutant clip-alone-ignored '--quick update_report' $blocks 's/ && by->limit == INFINITY//'
mutant nan-does-not-scale '--quick update_report' $blocks 's/const bool scales = coefficient != 1/const bool scales = coefficient < 1/'
mutant zeros-of-a-quarter '--quick no_exp_avg' $blocks 's/ROOM_exp_avg), 0, values \* sizeof(float))/ROOM_exp_avg), 0, values)/'
mutant zeros-once '--quick no_exp_avg' $blocks 's/s.exp_avg = memset/s.exp_avg = done ? room_of(\&b, ROOM_exp_avg) : memset/'
# Sums, and what is told of them.
mutant fold-in-order '--quick norm_order' kernels/body/reduce.h 's/for (int width = SUM_LANES \/ 2; width != 0; width \/= 2)/for (int i = 1; i < SUM_LANES; i++)\n        lane[0] += lane[i];\n    for (int width = 0; width != 0;)/'
mutant cut-anywhere '--quick norm_order' kernels/run/pieces.c 's/return (place - offset) \/ ADAMW_CUT_BLOCK \* ADAMW_CUT_BLOCK;/return place - offset;/'
mutant top-limb '--quick exact_sum' kernels/run/exact_sum.c '/^double/,/^}/s/i < EXACT_SUM_LIMBS/i < EXACT_SUM_LIMBS - 1/'
mutant tail-twice '--quick update_norms' $sums 's/^        merge(&joined->tail, &part->head);/&\n&/'
mutant norm-by-threads '--quick update_norms' $pass 's/n, scale, plan->tuning->prefetch_sum);/n, scale, plan->tuning->prefetch_sum) * (1 + 0x1p-40 * (at > 4096 \&\& plan->threads > 1));/'
mutant norms-unscaled '--quick update_report' $pass 's/pass->tensor_norms\[tensor\] = sqrt(\(.*\));/pass->tensor_norms[tensor] = sqrt(\1) \/ fabs((double)grad_scale_of(((const run *)context)->plan));/'
mutant clip-by-own-config '--quick update_report' $pass 's/return adamw_clip_coefficient(plan->config,/return adamw_clip_coefficient(plan->tensors[tensor].config != NULL ? plan->tensors[tensor].config : plan->config,/'
mutant empty-norm '--quick update_report' $pass 's/pass->tensor_norms\[i\] = 0;/continue;/'
mutant empty-coefficient '--quick update_report' $whole 's/plan->tensors\[i\].n != 0 && //' $pass 's/pass->tensor_norms\[i\] = 0;/pass->tensor_norms[i] = 1e9;/'
mutant least-of-first '--quick update_report' $whole 's/i < plan->count; i++) {/i < plan->count \&\& i < 1; i++) {/'
mutant least-nan-lost '--quick update_report' $whole 's/(own < least || own != own)/!(own >= least)/'
mutant ratio-nan-lost '--quick update_report' $sums 's/ || (ratio != ratio && found->update_ratio == found->update_ratio)//'
mutant ratio-of-last '--quick update_report' $sums 's/if (ratio > found->update_ratio/if (ratio >= found->update_ratio/'
mutant ratio-of-nothing '--quick update_report' $pass 's/if (changes == 0)/if (changes < 0)/'
mutant place-unscaled '--quick update_report' $pass 's/return isfinite(scale \* x);/return isfinite(x + 0 * scale);/'
mutant place-of-block '--quick update_skip' $pass 's/while (index < at + n - 1 && .*/while (false)/'
# The caller's environment and stack.
mutant update-env '--quick float_env_everywhere' $whole '/^adamw_status adamw_update(/,/^}/s/adamw_float_env_set(env);/(void)env;/'
mutant update-explain-env '--quick float_env_everywhere' $whole '/^adamw_status adamw_update_explain(/,/^}/s/adamw_float_env_set(env);/(void)env;/'
mutant part-env '--quick float_env_everywhere' $step '/^adamw_status adamw_step_part(/,/^}/s/adamw_float_env_set(env);/(void)env;/'
mutant norm-env '--quick float_env_everywhere' kernels/api/norm.c 's/adamw_float_env_set(env);/(void)env;/'
mutant accumulate-env '--quick float_env_everywhere' kernels/api/accumulate.c 's/adamw_float_env_set(env);/(void)env;/'
mutant loss-scale-env '--quick float_env_everywhere' $scale 's/adamw_float_env_set(env);/(void)env;/'
mutant answer-env '--quick known_answer' kernels/dispatch/known_answer.c 's/adamw_float_env_set(env);/(void)env;/'
mutant answer-callers-mode '--quick known_answer' kernels/dispatch/known_answer.c 's/adamw_float_env_set(ADAMW_FLOAT_ENV_DEFAULT);//'
mutant idle-lanes '--quick unmasked_exceptions' $update 's/b.root\[0\] = v_tail_or_one(b.root\[0\], tail);/;/'
mutant ratio-divides '--quick unmasked_exceptions' $pass 's/if (params == 0 \&\& changes > 0)/if (false)/'
mutant nan-argument-traps '--quick unmasked_exceptions' $validate 's/isgreaterequal(x, 0) && islessequal(x, FLT_MAX)/x >= 0 \&\& x <= FLT_MAX/'
mutant deep-step '--quick small_stack' $blocks 's/^    float room\[ROOM\];/    volatile char deep[12000];\n    deep[0] = deep[11999] = 0;\n&/'
mutant deep-update '--quick small_stack' $pass 's/^    float before\[ADAMW_SUM_BLOCK\], .*/    volatile char deep[60000];\n    deep[0] = deep[59999] = 0;\n&/'

# An instruction set that is added by the steps of CONTRIBUTING.md, and wrong. The last one: the copy is not restored.
case $wanted in '  ' | *' wrong-isa '*)
    survived=
    tests/wrong_isa.sh "$tree" && build || survived=' (it does not build)'
    make -C "$tree" -j"$(nproc)" BUILD="$PWD/$top/out" CFLAGS="$flags" EMULATE=$emulate \
        "$PWD/$top/out/obj/bench/traffic/wrong.o" "$PWD/$top/out/obj/bench/traffic/traffic.o" >>"$top/log" 2>&1 ||
        survived="$survived (its traffic loops do not build)"
    for check in isa_equals_scalar conformance vocabulary known_answer; do
        [ -n "$survived" ] || ! run --quick "$check" || survived="$survived $check"
    done
    if [ -z "$survived" ]; then
        passed=$((passed + 1))
        echo "found    wrong-isa          by isa_equals_scalar conformance vocabulary known_answer"
    else
        failed=$((failed + 1))
        echo "SURVIVED wrong-isa         $survived"
    fi ;;
esac

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
