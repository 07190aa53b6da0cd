#!/usr/bin/env bash
# A teacher that is no model here: its outputs in every format, through project, build-kb, distill and eval; what is
# missing in them; what is refused. Usage: teacher_outputs.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

mkdir -p "$work/data"
head -241 "$demo/train.tsv" >"$work/data/train.tsv"
head -81 "$demo/dev.tsv" >"$work/data/dev.tsv"
task="--task sst2 --data $work/data --max-seq-length 48 --quiet"
student="--student $demo/student --init random --epochs 2 --batch-size 16 --learning-rate 1e-3"
same() { cmp -s "$work/$1" "$work/$2" || fail "$1 and $2 differ"; }
holds() { grep -q "$2" "$work/$1" || fail "$1 has no $2"; }

# Word counts as embeddings, and answers that mostly agree with the labels. Rows 5 and 7 have no embedding, rows 7 and 9
# no prediction. Python 3 without packages writes all formats.
cat >"$work/write.py" <<'PYTHON'
import array, hashlib, json, math, struct, sys
work, path = sys.argv[1:3]
lines = open(path, encoding="utf-8").read().splitlines()[1:]
digest = hashlib.sha256(open(path, "rb").read()).hexdigest()[:16]
texts, labels = zip(*(line.split("\t") for line in lines))
WIDTH = 24
def embedding(text):
    counts = [0.0] * WIDTH
    for word in text.lower().split():
        counts[int(hashlib.md5(word.encode()).hexdigest(), 16) % WIDTH] += 1
    return counts
def probabilities(i):
    p = 0.95 if i % 10 else 0.3
    return [p, 1 - p] if labels[i] == "0" else [1 - p, p]
n = len(texts)
embeddings = [embedding(text) for text in texts]
answers = [probabilities(i) for i in range(n)]
def safetensors(name, tensors):
    header, data = {}, b""
    for key, (dtype, rows) in tensors.items():
        flat = array.array({"F32": "f", "I64": "q"}[dtype], [x for row in rows for x in (row if isinstance(row, list) else [row])])
        shape = [len(rows), len(rows[0])] if isinstance(rows[0], list) else [len(rows)]
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(flat) * flat.itemsize]}
        data += flat.tobytes()
    text = json.dumps(header)
    text += " " * (-len(text) % 8)
    open(f"{work}/{name}", "wb").write(struct.pack("<Q", len(text)) + text.encode() + data)
def jsonl(name, rows, **without):
    with open(f"{work}/{name}", "w") as file:
        for i in rows:
            line = {"id": f"{digest}:{i}"} if i % 2 else {"row": i}
            if i not in without.get("embedding", ()):
                line["embedding"] = embeddings[i]
            if i not in without.get("probabilities", ()):
                line["probabilities"] = dict(zip(["1", "0"], answers[i][::-1])) if i % 3 else answers[i]
            file.write(json.dumps(line) + "\n")
def npy(name, rows):
    dict_ = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    dict_ += " " * (-(len(dict_) + 11) % 64) + "\n"
    data = array.array("f", [x for row in rows for x in row]).tobytes()
    open(f"{work}/{name}", "wb").write(b"\x93NUMPY\1\0" + struct.pack("<H", len(dict_)) + dict_.encode() + data)
safetensors("all.safetensors", {"embeddings": ("F32", embeddings), "probabilities": ("F32", answers)})
order = list(range(n))[::-1]
safetensors("order.safetensors", {"embeddings": ("F32", [embeddings[i] for i in order]),
                                  "logits": ("F32", [[math.log(p) for p in answers[i]] for i in order]), "rows": ("I64", order)})
jsonl("all.jsonl", order)
jsonl("some.jsonl", range(n), embedding=(5, 7), probabilities=(7, 9))
jsonl("llm.jsonl", range(n), embedding=range(n))
safetensors("wrong-order.safetensors", {"embeddings": ("F32", embeddings), "probabilities": ("F32", [p[::-1] for p in answers])})
npy("embeddings.npy", embeddings)
npy("probabilities.npy", answers)
PYTHON
python3 "$work/write.py" "$work" "$work/data/train.tsv" || exit 1

# project, build-kb, distill and eval, as after a teacher of ours.
project() { # OUTPUT FILE OPTIONS...: prints the command
  local output=$1 file=$2
  shift 2
  echo "$reaugkd" project --teacher-outputs "$work/$file" $task --epochs 2 --output "$work/$output" "$@"
}
ok "D = 32, k-NN accuracy" $(project projected all.safetensors --student "$demo/student")
holds projected/teacher.json '"width": 24'
holds projected/run.json 'all.safetensors": "[0-9a-f]\{64\}"'
[ -e "$work/projected/model.safetensors" ] && fail "a given teacher has weights"
ok "already finished" "$reaugkd" project --teacher-outputs "$work/all.safetensors" --task sst2 --data "$work/data" --max-seq-length 48 \
  --epochs 2 --student "$demo/student" --output "$work/projected" --resume
ok "D = 24" $(project plain all.safetensors)
ok "D = 24" $(project lines all.jsonl)
ok "D = 24" $(project order order.safetensors)
same plain/projection.safetensors lines/projection.safetensors
same plain/projection.safetensors order/projection.safetensors
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/projected" --data "$work/data" --quiet --output "$work/kb"
grep -q "teacher_on_validation" "$work/stdout" || fail "the teacher is not judged on the held-out rows"
ok "distill --method reaugkd" "$reaugkd" distill --kb "$work/kb" $student --data "$work/data" --quiet --output "$work/student"
ok "^  combined" "$reaugkd" eval --model "$work/student" --kb "$work/kb" --data "$work/data" --quiet --latency-examples 0 --output "$work/eval"
grep -q "^  teacher" "$work/stdout" && fail "eval has a row of a teacher that it was not given"
echo "a good meal" >"$work/text"
ok '"prediction":"[01]"' "$reaugkd" predict --model "$work/student" --kb "$work/kb" --eval "$work/eval" --quiet "$work/text"

# Without a projection: the embeddings are the keys, and a query head brings the student there.
ok "D = 24|24" "$reaugkd" build-kb --teacher-outputs "$work/all.safetensors" $task --output "$work/kb-given"
grep -q knn_on_validation "$work/stdout" || fail "the keys are not judged"
ok "space +given: the embeddings of a file" "$reaugkd" build-kb --describe "$work/kb-given"
ok "distill --method reaugkd" "$reaugkd" distill --kb "$work/kb-given" $student --data "$work/data" --quiet --output "$work/student-given"
[ -e "$work/student-given/query.safetensors" ] || fail "the student of other keys has no query head"
ok "^  combined" "$reaugkd" eval --model "$work/student-given" --kb "$work/kb-given" --data "$work/data" --quiet --latency-examples 0 --output "$work/eval-given"
expect 4 "D = 24, the student .* has hidden_size 32" "$reaugkd" distill --kb "$work/kb-given" --query-head none $student --data "$work/data" --output "$work/x"

# New rows: their outputs, and the projection where the keys have one.
printf 'sentence\tlabel\nThe soup was hot and good.\t1\nA dull play\t0\nNo idea\t\n' >"$work/new.tsv"
printf '{"row": 0, "embedding": [%s1]}\n{"row": 1, "probabilities": [0.8, 0.2]}\n{"row": 2, "embedding": [%s2], "probabilities": {"1": 1}}\n' \
  "$(printf '0,%.0s' $(seq 23))" "$(printf '1,%.0s' $(seq 23))" >"$work/new.jsonl"
extend="$reaugkd build-kb --extend-files $work/new.tsv --teacher-outputs $work/new.jsonl"
ok "1 of the 3 rows of .*new.tsv have no embedding there: they are left out .row 1." $extend --extend "$work/kb-given" --output "$work/kb-more"
rows=$(($(wc -l <"$work/kb-given/examples.tsv") + 2))
[ "$(wc -l <"$work/kb-more/examples.tsv")" = $rows ] || fail "the new rows"
ok "2 rows are inserted|written to" $extend --extend "$work/kb" --teacher "$work/projected" --output "$work/kb-more-projected"
ok "written to" $extend --extend "$work/kb" --keys "$work/student" --output "$work/kb-more-keys"
expect 2 "are projections of a teacher, .*give the directory of project" $extend --extend "$work/kb" --output "$work/x"
expect 2 "has outputs of the training rows alone" "$reaugkd" build-kb --extend "$work/kb" --extend-files "$work/new.tsv" \
  --teacher "$work/projected" --output "$work/x"

# What is missing: listed, and the label answers.
ok "[12] of the [0-9]+ rows to train on have no prediction there: their labels answer .rows? [79]" $(project some some.jsonl)
grep -qE "have no embedding there: they become no key.*rows? [57]" "$work/stderr" || fail "rows without an embedding are not listed"
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/some" --data "$work/data" --quiet --output "$work/kb-some"
holds kb-some/kb.json '"rows_without_key": [12]'
ok "distill --method reaugkd" "$reaugkd" distill --kb "$work/kb-some" $student --data "$work/data" --quiet --output "$work/student-some"
ok "distill --method kd" "$reaugkd" distill --method kd --kb "$work/kb-some" $student --data "$work/data" --quiet --output "$work/kd-some"
ok "has no predictions: the labels answer for all rows" $(project labels embeddings.npy)
sed '4s/\t.*/\t/' "$work/data/train.tsv" >"$work/unlabelled.tsv"
mkdir -p "$work/data-u" && cp "$work/unlabelled.tsv" "$work/data-u/train.tsv"
ok "1 of the .* rows to train on have no prediction there and no label: they are left out .row 2." "$reaugkd" project \
  --teacher-outputs "$work/embeddings.npy" --task sst2 --data "$work/data-u" --max-seq-length 48 --epochs 1 --output "$work/left"
ok "distill --method kd" "$reaugkd" distill --method kd --teacher "$work/left" $student --data "$work/data-u" --quiet --output "$work/kd-left"
ok "are its classes in the order of the task .0, 1.[?]" $(project wrong wrong-order.safetensors)

# Predictions alone: kd, rkd, and a pretrained encoder's keys.
kd="$reaugkd distill --method kd $student $task"
ok "distill --method kd" $kd --teacher-outputs "$work/llm.jsonl" --output "$work/kd"
ok "distill --method kd" $kd --teacher-outputs "$work/probabilities.npy" --output "$work/kd-npy"
same kd/model.safetensors kd-npy/model.safetensors
ok "distill --method kd" $kd --teacher-outputs "$work/all.safetensors" --distill-temperature 4 --output "$work/kd-4"
ok "distill --method kd" "$reaugkd" distill --method kd $student --teacher "$work/plain" --data "$work/data" --quiet --output "$work/kd-project"
same kd/model.safetensors kd-project/model.safetensors
ok "distill --method rkd" "$reaugkd" distill --method rkd $student $task --teacher-outputs "$work/all.jsonl" --output "$work/rkd"
expect 3 "relates the teacher's embeddings of all rows, and [0-9]+ of [0-9]+ have none" "$reaugkd" distill --method rkd $student $task \
  --teacher-outputs "$work/llm.jsonl" --output "$work/x"
expect 3 "has no embeddings, which --space projection projects" $(project x llm.jsonl)
expect 2 "needs --pretrained" $(project x llm.jsonl --space pretrained)
"$reaugkd" teacher-finetune --model "$demo/teacher" --init random $task --epochs 1 --output "$work/model" >/dev/null 2>&1 || fail "teacher-finetune"
ok "D = 64" $(project llm llm.jsonl --space pretrained --pretrained "$work/model")
ok "D = 88" $(project both all.jsonl --space both --pretrained "$work/model")
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/llm" --data "$work/data" --quiet --output "$work/kb-llm"
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/both" --data "$work/data" --quiet --output "$work/kb-both"
ok "distill --method reaugkd" "$reaugkd" distill --kb "$work/kb-both" $student --data "$work/data" --quiet --output "$work/student-both"

# What a method reads inside a teacher is not there.
for method in pkd tinybert minilm dml takd rco sftn prokt metadistil; do
  expect 2 "--method $method runs the teacher's model, and these are its outputs alone" "$reaugkd" distill --method $method $student $task \
    --teacher-outputs "$work/all.jsonl" --output "$work/x"
  expect 2 "--method $method runs the teacher's model" "$reaugkd" distill --method $method $student $task --teacher "$work/plain" --output "$work/x"
done
expect 2 "takes a teacher's outputs by way of a knowledge base" "$reaugkd" distill $student $task --teacher-outputs "$work/all.jsonl" --output "$work/x"
expect 4 "holds no model but a teacher's outputs" "$reaugkd" eval --model "$work/student" --teacher "$work/projected" --data "$work/data" --output "$work/x"
expect 4 "holds no model but a teacher's outputs" "$reaugkd" project --teacher "$work/projected" --data "$work/data" --output "$work/x"
expect 2 "exclude one another" "$reaugkd" project --teacher "$work/model" --teacher-outputs "$work/all.jsonl" --data "$work/data" --output "$work/x"
expect 2 "exclude one another" "$reaugkd" build-kb --teacher "$work/plain" --teacher-outputs "$work/all.jsonl" --data "$work/data" --output "$work/x"
expect 2 "exclude one another" $kd --teacher "$work/model" --teacher-outputs "$work/all.jsonl" --output "$work/x"
expect 2 "cross_val_predict" "$reaugkd" build-kb --teacher-outputs "$work/all.jsonl" $task --cross-fit 2 --output "$work/x"
expect 2 "cross_val_predict" "$reaugkd" build-kb --teacher "$work/plain" --data "$work/data" --cross-fit 2 --cross-fit-model "$work/model" --output "$work/x"
expect 2 "--embedding says which state" $(project x all.jsonl --embedding mean)
expect 3 "no row of .*dev.tsv that validates has an embedding" $(project x all.jsonl --validation dev)
expect 2 "expected .safetensors, .npy, .npz or .jsonl" $(project x write.py)
expect 5 "nowhere.jsonl" $(project x nowhere.jsonl)
head -c 3000 "$work/all.safetensors" >"$work/cut.safetensors"
expect 4 "cut.safetensors" $(project x cut.safetensors)
head -c 3000 "$work/all.jsonl" >"$work/cut.jsonl"
expect 3 "cut.jsonl:[0-9]+: expected a JSON object a line" $(project x cut.jsonl)

# A file that is another now.
cp "$work/all.jsonl" "$work/changing.jsonl"
ok "D = 24" $(project changing changing.jsonl)
cp "$work/some.jsonl" "$work/changing.jsonl"
expect 4 "changing.jsonl has sha256 .*run reaugkd project again" "$reaugkd" build-kb --teacher "$work/changing" --data "$work/data" --output "$work/x"
expect 2 "other inputs" $(project changing changing.jsonl) --resume

passed "teacher outputs"
