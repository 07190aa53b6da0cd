#!/usr/bin/env bash
# Every method of distill on the families that are not BERT's kin, through the real binary: a tiny
# model of random weights is fine-tuned, each method trains a student of two of its layers, and what
# cannot be compared is refused. Usage: encoder_methods.sh BINARY SOURCE_DIRECTORY [FAMILY...]
source "$(dirname "$0")/expect.sh" "$1" "$2"
shift 2
families=(${@:-mpnet deberta deberta-v2 modernbert})

sizes='"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24, "initializer_range": 0.1,
  "vocab_size": '$(wc -l <"$demo/teacher/vocab.txt")', "max_position_embeddings": 130'
positions='"relative_attention": true, "pos_att_type": "p2c|c2p", "position_biased_input": false, "max_relative_positions": -1'
declare -A own=(
  [mpnet]='"hidden_act": "gelu"'
  [deberta]='"hidden_act": "gelu", '$positions
  [deberta-v2]='"hidden_act": "gelu", "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": true, '$positions
  [modernbert]='"local_attention": 16, "pad_token_id": 0'
)
small="--epochs 2 --learning-rate 1e-3 --init random --max-seq-length 48 --quiet"
task="--task sst2 --data $demo --max-train-examples 128"

for family in "${families[@]}"; do
  dir=$work/$family
  mkdir -p "$dir/init"
  cp "$demo/teacher/vocab.txt" "$dir/init"
  echo "{\"model_type\": \"$family\", $sizes, ${own[$family]}}" >"$dir/init/config.json"
  student="--student $dir/init --student-layers 0,1"
  ok "best at epoch" "$reaugkd" teacher-finetune --model "$dir/init" $task --output "$dir/teacher" $small --keep-trajectory 4
  ok "best at epoch" "$reaugkd" teacher-finetune --model "$dir/init" $task --output "$dir/friendly" $small \
    --student-friendly "$dir/init" --student-layers 0,1
  ok "k-NN accuracy" "$reaugkd" project --teacher "$dir/teacher" --student "$dir/init" --data "$demo" \
    --output "$dir/projected" --epochs 1 --quiet
  ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$dir/projected" --data "$demo" --output "$dir/kb" --quiet
  train() { # METHOD OPTIONS...: prints the command
    local method=$1
    shift
    echo "$reaugkd" distill --method "$method" "$@" $student --data "$demo" --output "$dir/$method" $small
  }
  for method in reaugkd finetune; do ok "best at epoch" $(train $method --kb "$dir/kb"); done
  for method in kd pkd rkd rco dml prokt metadistil; do
    ok "best at epoch" $(train $method --teacher "$dir/teacher")
  done
  ok "best at epoch" $(train takd --teacher "$dir/kd")
  ok "best at epoch" $(train sftn --teacher "$dir/friendly")
  for method in tinybert minilm; do
    if [ "$family" = modernbert ]; then # layers 1 and 2 of the teacher see 8 tokens to either side
      expect 2 "method $method: compares attention maps, but a token of layer [12] of .* sees 8 tokens" \
        $(train $method --teacher "$dir/teacher")
    else
      ok "best at epoch" $(train $method --teacher "$dir/teacher")
    fi
  done
  ok "combined" "$reaugkd" eval --model "$dir/reaugkd" --kb "$dir/kb" --data "$demo" --output "$dir/eval" \
    --latency-examples 0 --quiet
  methods=$(ls -d "$dir"/*/ | xargs -n1 basename | grep -vE '^(init|teacher|friendly|projected|kb|eval)$')
  for method in $methods; do sha256sum "$dir/$method/model.safetensors" | cut -c1-64; done >"$work/sums"
  [ "$(sort -u "$work/sums" | wc -l)" = "$(wc -l <"$work/sums")" ] || fail "$family: two methods gave one student"
done

# Where every text fits into the window, local attention sees all of it, and maps can be compared.
case " ${families[*]} " in *" modernbert "*)
  dir=$work/modernbert
  short="${small/--max-seq-length 48/}"
  ok "best at epoch" "$reaugkd" teacher-finetune --model "$dir/init" $task --output "$dir/short" $short --max-seq-length 9
  for method in tinybert minilm; do
    ok "best at epoch" "$reaugkd" distill --method $method --teacher "$dir/short" --student "$dir/init" --student-layers 0,1 \
      --data "$demo" --output "$dir/short-$method" $short
  done
  expect 2 "layer 0 of ModernBERT has no norm" "$reaugkd" distill --method kd --teacher "$dir/teacher" --student "$dir/init" \
    --student-layers 1,0 --data "$demo" --output "$dir/x" --quiet ;;
esac
# One family teaches another: neither the heads nor the layers need be alike for kd.
if [ -d "$work/mpnet/teacher" ] && [ -d "$work/deberta-v2/init" ]; then
  ok "best at epoch" "$reaugkd" distill --method kd --teacher "$work/mpnet/teacher" --student "$work/deberta-v2/init" \
    --data "$demo" --output "$work/across" $small
fi
passed "methods on newer encoders"
