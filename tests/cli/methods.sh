#!/usr/bin/env bash
# Every method of distill through the real binary: it trains, its student can be evaluated with a
# knowledge base, a run that is killed goes on to the same bytes, and what a method cannot use is
# refused. Usage: methods.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

small="--epochs 2 --learning-rate 1e-3 --init random --quiet"
student="--student $demo/teacher --student-layers 0,1"
task="--task sst2 --data $demo --max-train-examples 200 --max-seq-length 48"
ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" $task --output "$work/plain" $small
ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" $task --output "$work/teacher" $small --keep-trajectory 3
cmp -s "$work/plain/model.safetensors" "$work/teacher/model.safetensors" || fail "--keep-trajectory changed the teacher"
of() { sed -n "s/.*\"$1\": \([0-9]*\),/\1/p" "$work/teacher/metrics.json"; }
expected= # those before the best step, which the teacher is
for k in 1 2; do (($(of planned_steps) * k / 3 < $(of best_step))) && expected+="anchor-$k "; done
[ -n "$expected" ] || fail "the best step is before the first anchor: nothing is tested here"
[ "$(ls "$work/teacher/trajectory" | tr '\n' ' ')" = "$expected" ] || fail "the trajectory is not $expected and the teacher"
ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" $task --output "$work/friendly" $small \
  --student-friendly "$demo/teacher" --student-layers 0,1
ok "k-NN accuracy" "$reaugkd" project --teacher "$work/teacher" --student "$demo/teacher" --data "$demo" \
  --output "$work/projected" --epochs 1 --quiet
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/projected" --data "$demo" --output "$work/kb" --quiet

train() { # OUTPUT OPTIONS...: prints the command
  local output=$1
  shift
  echo "$reaugkd" distill "$@" $student --data "$demo" --output "$work/$output" $small
}

declare -A source=([kd]="--teacher $work/teacher" [takd]="--teacher $work/kd" [sftn]="--teacher $work/friendly")
for method in kd pkd rkd tinybert minilm takd rco sftn dml prokt metadistil; do
  ok "best at epoch" $(train $method --method $method ${source[$method]:---teacher $work/teacher})
  ok "combined" "$reaugkd" eval --model "$work/$method" --kb "$work/kb" --data "$demo" --output "$work/eval-$method" \
    --latency-examples 0 --quiet
done
# TinyBERT's first half trains no classifier: none of its epochs is kept.
grep -q '"best_epoch": 2.0' "$work/tinybert/metrics.json" || fail "tinybert kept an epoch of its first half"
# What is not given is the method's own, and is recorded.
for rate in metadistil:1e-05 dml:3e-05; do
  grep -q "\"teacher_learning_rate\": ${rate#*:}" "$work/${rate%:*}/run.json" || fail "${rate%:*}: not the method's own teacher's rate"
done
# Targets from the teacher's weights are those of the knowledge base.
ok "--alpha is for --method reaugkd: kd does not read it" $(train kd-kb --method kd --kb "$work/kb" --alpha 2)
cmp -s "$work/kd/model.safetensors" "$work/kd-kb/model.safetensors" || fail "kd by --teacher and by --kb differ"
grep -q "does not read it" "$work/kd-kb/run.log" || fail "run.log lacks the warning of --alpha"
ok "best at epoch" "$reaugkd" distill --config "$work/kd/run.json" --output "$work/kd-config" --quiet
grep -q "does not read it" "$work/stderr" && fail "a repeated run is warned of an option that it did not give"
# TinyBERT without its phase on layers is kd.
ok "best at epoch" $(train no-layers --method tinybert --teacher "$work/teacher" --tinybert-intermediate 0)
cmp -s "$work/kd/model.safetensors" "$work/no-layers/model.safetensors" || fail "tinybert without layers is not kd"
# TinyBERT on layers alone: the teacher may be an encoder without a classifier, and the last step's student is kept.
mkdir "$work/encoder"
cp "$work/teacher"/{vocab.txt,tokenizer_config.json} "$work/encoder"
python3 - "$work/teacher" "$work/encoder" <<'EOF'
import json, pathlib, struct, sys
source, target = map(pathlib.Path, sys.argv[1:])
config = json.loads((source / "config.json").read_text())
for key in ("reaugkd", "id2label", "label2id"):
    config.pop(key, None)
(target / "config.json").write_text(json.dumps(config))
data = (source / "model.safetensors").read_bytes()
size, = struct.unpack("<Q", data[:8])
tensors = {name: tensor for name, tensor in json.loads(data[8:8 + size]).items() if name != "__metadata__"}
body = b""
kept = {}
for name, tensor in tensors.items():
    if not name.startswith("classifier."):
        begin, end = tensor["data_offsets"]
        kept[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
        body += data[8 + size + begin:8 + size + end]
header = json.dumps(kept).encode()
(target / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + body)
EOF
ok "best at epoch" $(train general --method tinybert --teacher "$work/encoder" --tinybert-intermediate 1) ${task/--data $demo/}
grep -q '"best_epoch": 2.0' "$work/general/metrics.json" || fail "general distillation kept another step than the last"
grep '"step"' "$work/general/train_log.jsonl" | grep -v '"validation"' | grep -qv '"states"' && fail "general distillation has other terms"
ok "best at epoch" "$reaugkd" distill --method finetune --student "$work/general" --data "$demo" --output "$work/from-general" \
  --epochs 1 --quiet
# A student whose classifier has the classes the other way round begins as the same.
cp -r "$work/plain" "$work/reversed"
python3 - "$work/reversed" <<'EOF'
import json, pathlib, struct, sys
directory = pathlib.Path(sys.argv[1])
config = json.loads((directory / "config.json").read_text())
names = [config["id2label"][str(i)] for i in range(2)]
config.update(id2label=dict(enumerate(reversed(names))), label2id={name: 1 - i for i, name in enumerate(names)})
config.pop("reaugkd", None)
(directory / "config.json").write_text(json.dumps(config))
weights = bytearray((directory / "model.safetensors").read_bytes())
size, = struct.unpack("<Q", weights[:8])
header = json.loads(weights[8:8 + size])
for name in ("classifier.weight", "classifier.bias"):
    begin, end = (8 + size + offset for offset in header[name]["data_offsets"])
    half = (end - begin) // 2
    weights[begin:end] = weights[begin + half:end] + weights[begin:begin + half]
(directory / "model.safetensors").write_bytes(weights)
EOF
[ $? = 0 ] || fail "the classes could not be reversed"
rm -f "$work/reversed"/{run,split}.json # as from elsewhere
head="--method kd --kb $work/kb --student-layers 0,1 --data $demo --epochs 1 --quiet"
ok "best at epoch" "$reaugkd" distill $head --student "$work/plain" --output "$work/from-plain"
ok "its classifier's rows are put into that of" "$reaugkd" distill ${head/--quiet/} --student "$work/reversed" --output "$work/from-reversed"
cmp -s "$work/from-plain/model.safetensors" "$work/from-reversed/model.safetensors" || fail "the order of a student's classes changed it"
# Anchors from the knowledge base; more than it has is all of it.
reaugkd_kb="--method reaugkd --kb $work/kb --anchor kb"
ok "best at epoch" $(train anchors $reaugkd_kb --kb-anchors 16)
ok "best at epoch" $(train anchors-all $reaugkd_kb --kb-anchors 0)
ok "best at epoch" $(train anchors-more $reaugkd_kb --kb-anchors 100000)
cmp -s "$work/anchors-all/model.safetensors" "$work/anchors-more/model.safetensors" || fail "--kb-anchors 0 is not all"
cmp -s "$work/anchors-all/model.safetensors" "$work/anchors/model.safetensors" && fail "--kb-anchors changed nothing"
expect 2 "two rows" $(train x $reaugkd_kb --kb-anchors 1)
# No two methods train the same student.
[ "$(sha256sum "$work"/{kd,pkd,rkd,tinybert,minilm,takd,rco,sftn,dml,prokt,metadistil}/model.safetensors | cut -c1-64 | sort -u | wc -l)" = 11 ] ||
  fail "two methods gave one student"

# Killed after a checkpoint, and gone on with: the same bytes, whatever else the method trains.
for method in tinybert rco dml metadistil anchors; do
  options="--method $method --teacher $work/teacher"
  [ $method = anchors ] && options="$reaugkd_kb --kb-anchors 16"
  run="$(train killed-$method $options) --save-steps 3"
  $run >/dev/null 2>&1 &
  pid=$!
  until [ -e "$work/killed-$method/checkpoint.safetensors" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  # Killed on the way, it goes on; killed as it ended, nothing is left to do.
  if [ -e "$work/killed-$method/metrics.json" ]; then says="already finished"; else says="best at epoch"; fi
  ok "$says" $run --resume
  cmp -s "$work/$method/model.safetensors" "$work/killed-$method/model.safetensors" || fail "$method: resumed to another student"
  cmp -s "$work/$method/train_log.jsonl" "$work/killed-$method/train_log.jsonl" || fail "$method: resumed to another log"
done

# Without any label the teacher could not be trained.
printf 'sentence\tlabel\nno label here\t\nnor here\t\n' >"$work/unlabelled.tsv"
mkdir "$work/elsewhere" && cp "$work/teacher"/{config.json,model.safetensors,vocab.txt} "$work/elsewhere"
expect 3 "no row has a label, and --method prokt" $(train x --method prokt --teacher "$work/elsewhere") --validation dev \
  --train-file "$work/unlabelled.tsv"
expect 3 "pkd with --hard-label-weight 0.5 needs labels, and no row has one" $(train x --method pkd --teacher "$work/elsewhere") \
  --validation dev --train-file "$work/unlabelled.tsv"
expect 2 "required by --method reaugkd" $(train x --method reaugkd --teacher "$work/teacher")
expect 2 "--teacher is required by --method pkd" $(train x --method pkd --kb "$work/kb")
expect 2 "not an assistant" $(train x --method takd --teacher "$work/teacher")
expect 2 "was not made for a student" $(train x --method sftn --teacher "$work/teacher")
cp -r "$work/teacher" "$work/changed" && printf x >>"$work/changed/trajectory/anchor-1/model.safetensors"
expect 4 "anchor-1/model.safetensors: has sha256" $(train x --method rco --teacher "$work/changed")
rm -r "$work/changed" && cp -r "$work/teacher" "$work/changed" && printf ' ' >>"$work/changed/trajectory/anchor-1/config.json"
expect 4 "anchor-1/config.json: has sha256" $(train x --method rco --teacher "$work/changed")
ok "best at epoch" "$reaugkd" distill --method finetune --kb "$work/kb" --student "$demo/teacher" --student-layers 0 --data "$demo" \
  --output "$work/one-layer" $small
expect 2 "each layer learns from one of the teacher's" "$reaugkd" distill --method tinybert --teacher "$work/one-layer" \
  --student "$demo/teacher" --data "$demo" --output "$work/x" $small
expect 4 "keep-trajectory 4" $(train x --method rco --teacher "$work/plain")
expect 2 "--keep-trajectory 100: the training has .* steps" "$reaugkd" teacher-finetune --model "$demo/teacher" $task \
  --output "$work/x" $small --keep-trajectory 100
expect 2 "of equal width" "$reaugkd" distill --method pkd --teacher "$work/teacher" --student "$demo/student" \
  --data "$demo" --output "$work/x" $small
expect 2 "for two methods" "$reaugkd" teacher-finetune --model "$demo/teacher" $task --output "$work/x" $small \
  --keep-trajectory 3 --student-friendly "$demo/teacher"
expect 2 "finetune, pkd" $(train x --method nonsense --teacher "$work/teacher")
[ -e "$work/x" ] && fail "a refused run left its directory behind"

passed "every method of distill"
