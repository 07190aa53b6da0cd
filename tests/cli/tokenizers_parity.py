#!/usr/bin/env python3
"""Ids of `reaugkd`'s tokenizers beside those of PyPI's `tokenizers`: tokenizers_parity.py PRINT_IDS [--texts FOLDER] [--lines N]

One tokenizer of each family is trained on real text, saved as transformers or `tokenizers` saves it, and read by both. Texts are the
rows of GLUE and CSV files under --texts (or GLUE_DIR), else made up; then lines of random Unicode from all planes. Each is also saved
by us and read by AutoTokenizer and by us again. Exit code 77 (skipped) without the Python packages.

Frame tokens ([SEP], <s>, ...) are plain text to us, which is `encode_special_tokens` of the library.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

try:
    import sentencepiece
    import tokenizers
    import transformers
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
if int(transformers.__version__.split(".")[0]) < 5:
    print(f"skipped: transformers {transformers.__version__}, needed is 5")
    sys.exit(77)

csv.field_size_limit(10**9)
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
FRAME = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<pad>", "<unk>", "<s>", "</s>", "<mask>", "<bos>", "<eos>",
         "<|begin_of_text|>", "<|end_of_text|>"}
TRAIN_LINES = 20_000
SIZES = {"vocabulary": 8000, "alphabet": 1000, "sentencepiece": {}}  # tests/golden/tokenizers.py makes small ones


# Texts


def texts_of(folder):
    """The text columns of the TSV and CSV files under a folder, each text once."""
    seen = {}
    for path in sorted(folder.rglob("*.tsv")) + sorted(folder.rglob("*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",",
                              quoting=csv.QUOTE_NONE if path.suffix == ".tsv" else csv.QUOTE_MINIMAL)
            for row in rows:
                for field in row:
                    if " " in field:
                        seen.setdefault(field, None)
    return list(seen)


def made_up_texts(count):
    """Words of made-up syllables, with names, numbers, contractions and a few other scripts."""
    source = random.Random(1)
    syllables = ["ka", "lo", "mi", "ter", "an", "sch", "ou", "é", "ñe", "ing", "pre", "st", "ф", "ло", "北", "京", "ى", "ह"]
    extra = ["don't", "it's", "$4.50", "(1,000)", "U.S.", "a/b", "--", "“so”", "naïve", "3rd", "e-mail", "x@y.org"]

    def word():
        made = "".join(source.choices(syllables, k=source.randint(1, 4)))
        return source.choice([made, made.capitalize(), made.upper(), source.choice(extra)])

    vocabulary = [word() for _ in range(3000)]
    weights = [1 / (i + 1) for i in range(len(vocabulary))]
    return [" ".join(source.choices(vocabulary, weights, k=source.randint(3, 25))) + source.choice(".?! ") for _ in range(count)]


def random_unicode(count):
    """Lines of code points from everywhere, mixed with ASCII, marks, emoji sequences and white space."""
    source = random.Random(2)
    planes = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x1FFF), (0x2000, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0xFFFF),
              (0x10000, 0x1FFFF), (0x20000, 0x3FFFF), (0xE0000, 0xE01FF), (0x40000, 0x10FFFF)]
    marks = [chr(c) for c in range(0x300, 0x370)] + list("\u0e34\u0e49\u093f\u094d\u3099\u309a\ufe0f\u20dd")
    joined = ["👩\u200d🚀", "👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤\ufe0f", "\r\n", "e\u0301", "ﬁ\u0301", "각", "각", "  ", "\t", "İ", "ſ"]

    def piece():
        kind = source.random()
        if kind < 0.3:
            return "".join(source.choices("abcdefgh XYZ019.,'-", k=source.randint(1, 6)))
        if kind < 0.4:
            return source.choice("aeiouAEIO가カ") + "".join(source.choices(marks, k=source.randint(1, 3)))
        if kind < 0.5:
            return source.choice(joined)
        if kind < 0.55:
            return source.choice(["[SEP]", "<s>", "</s>", "<url>", "USER", "<mask>", "[CLS]", "    "])
        first, last = source.choice(planes[:7]) if kind < 0.97 else source.choice(planes)
        return chr(source.randint(first, last))

    return ["".join(piece() for _ in range(source.randint(1, 30))) for _ in range(count)]


# Families


def wordpiece_vocab(texts, special, lowercase):
    made = Tokenizer(models.WordPiece(unk_token=special[1]))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=SIZES["vocabulary"], special_tokens=special, show_progress=False,
                                                              limit_alphabet=SIZES["alphabet"]))
    return made.get_vocab()


def byte_level_bpe(texts, special):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=SIZES["vocabulary"], special_tokens=special, show_progress=False,
                                                        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return json.loads(made.to_str())["model"]


def unigram_proto(texts, work, **special):
    """A trained sentencepiece model as its message: pieces, scores and the table of replacements."""
    corpus = work / "corpus.txt"
    corpus.write_text("\n".join(text.replace("\n", " ") for text in texts), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(work / "made"), model_type="unigram",
                                             hard_vocab_limit=False, minloglevel=3, num_threads=2,
                                             vocab_size=SIZES["vocabulary"], **SIZES["sentencepiece"], **special)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString((work / "made.model").read_bytes())
    return proto


def pieces_of(proto):
    return [(piece.piece, piece.score) for piece in proto.pieces]


def charsmap_of(proto):
    return proto.normalizer_spec.precompiled_charsmap


def template(made, cls, sep, two=False):
    made.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} {sep} $B {sep}" if two else f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, made.token_to_id(cls)), (sep, made.token_to_id(sep))])


def save_backend(made, directory):
    made.save(str(directory / "tokenizer.json"))


def bert(lowercase):
    def make(texts, directory):
        vocab = wordpiece_vocab(texts, BERT_SPECIAL, lowercase)
        made = transformers.BertTokenizer(vocab=vocab, do_lower_case=lowercase)
        made.add_tokens(["<url>", AddedToken("USER", single_word=True, lstrip=True)])
        made.save_pretrained(str(directory))
    return make


def mpnet(texts, directory):
    vocab = wordpiece_vocab(texts, ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"], True)
    transformers.MPNetTokenizer(vocab=vocab).save_pretrained(str(directory))


def roberta(texts, directory):
    model = byte_level_bpe(texts, ROBERTA_SPECIAL)
    merges = [tuple(merge) for merge in model["merges"]]
    made = transformers.RobertaTokenizer(vocab=model["vocab"], merges=merges)
    made.add_tokens(["<url>", AddedToken("USER", rstrip=True)])
    made.save_pretrained(str(directory))


def modernbert(texts, directory):
    special = ["<|padding|>", "<|endoftext|>"]
    model = byte_level_bpe(texts, special)
    made = Tokenizer(models.BPE(model["vocab"], [tuple(merge) for merge in model["merges"]]))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    made.add_special_tokens([AddedToken(token, lstrip=token == "[MASK]") for token in BERT_SPECIAL])
    template(made, "[CLS]", "[SEP]")
    made.decoder = decoders.ByteLevel()
    save_backend(made, directory)
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
         "sep_token": "[SEP]", "mask_token": "[MASK]", "model_input_names": ["input_ids", "attention_mask"]}))


def llama3(texts, directory):
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<pad>"]
    model = byte_level_bpe(texts, special)
    made = Tokenizer(models.BPE(model["vocab"], [tuple(merge) for merge in model["merges"]], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.add_special_tokens(special)
    template(made, special[0], special[1])
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), made.post_processor])
    save_backend(made, directory)


def gemma(texts, directory):
    """Plain BPE with sentencepiece's mark and bytes for what is unknown."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=SIZES["vocabulary"], special_tokens=special, show_progress=False,
                                                        limit_alphabet=200))
    model = json.loads(made.to_str())["model"]
    made = Tokenizer(models.BPE(model["vocab"], [tuple(merge) for merge in model["merges"]], unk_token="<unk>", fuse_unk=True,
                                byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens(special[:5])
    made.add_tokens([AddedToken("▁▁", normalized=False), AddedToken("<url>", normalized=False)])
    template(made, "<bos>", "<eos>")
    save_backend(made, directory)


def metaspace_bpe(texts, directory):
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Nmt()])
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Digits(individual_digits=True)])
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=SIZES["vocabulary"], special_tokens=ROBERTA_SPECIAL, show_progress=False,
                                                        limit_alphabet=300))
    template(made, "<s>", "</s>", two=True)
    save_backend(made, directory)


def whitespace_words(texts, directory):
    made = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip(), normalizers.Prepend("_")])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(),
                                                  pre_tokenizers.Punctuation("contiguous")])
    made.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=SIZES["vocabulary"], special_tokens=BERT_SPECIAL,
                                                              show_progress=False))
    template(made, "[CLS]", "[SEP]")
    save_backend(made, directory)


def xlm_roberta(texts, directory):
    proto = unigram_proto(texts, directory)
    own = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab = own + pieces_of(proto)[3:] + [("<mask>", 0.0)]
    transformers.XLMRobertaTokenizer(vocab=vocab, _spm_precompiled_charsmap=charsmap_of(proto)).save_pretrained(str(directory))


def albert(texts, directory):
    proto = unigram_proto([text.lower() for text in texts], directory, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                          control_symbols="[CLS],[SEP],[MASK]")
    transformers.AlbertTokenizer(vocab=pieces_of(proto), _spm_precompiled_charsmap=charsmap_of(proto)).save_pretrained(str(directory))


def deberta(texts, directory, old=False):
    proto = unigram_proto(texts, directory, pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]", unk_piece="[UNK]",
                          bos_piece="[CLS]", eos_piece="[SEP]")
    vocab = pieces_of(proto)
    if not old:
        made = transformers.DebertaV2Tokenizer(vocab=vocab, unk_id=3)
        made.add_tokens(["<url>"])
        made.save_pretrained(str(directory))
        return
    made = Tokenizer(models.Unigram(vocab, 3, False))  # as transformers 4 writes it
    made.normalizer = normalizers.Sequence([normalizers.Strip(left=True, right=True), normalizers.Precompiled(charsmap_of(proto)),
                                            normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])
    made.add_special_tokens(["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"])
    template(made, "[CLS]", "[SEP]")
    save_backend(made, directory)


FAMILIES = {
    "BERT, uncased": bert(True), "BERT, cased": bert(False), "MPNet": mpnet, "RoBERTa": roberta, "ModernBERT": modernbert,
    "byte-level BPE, Llama 3's words": llama3, "plain BPE, byte fallback": gemma, "plain BPE, Metaspace": metaspace_bpe,
    "WordLevel": whitespace_words, "XLM-R": xlm_roberta, "ALBERT": albert, "DeBERTa v3": deberta,
    "DeBERTa v3, older file": lambda texts, directory: deberta(texts, directory, old=True),
}


# Comparison


def reference(directory, frame):
    """The library's tokenizer, to which frame tokens are plain text and other special tokens are not."""
    file = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    for token in file["added_tokens"]:
        token["special"] = token["content"] in frame
    if file["model"]["type"] == "Unigram":  # the library would match the pieces of frame tokens in plain text
        renamed = {name: f"\U0010fffd{name}" for name in frame}
        for token in file["added_tokens"]:
            token["content"] = renamed.get(token["content"], token["content"])
        for piece in file["model"]["vocab"]:
            piece[0] = renamed.get(piece[0], piece[0])
    file["truncation"] = file["padding"] = None
    made = Tokenizer.from_str(json.dumps(file))
    made.encode_special_tokens = True
    return made


def ours(binary, directory, texts, save=None):
    command = [binary, directory, *(["--save", save] if save else [])]
    done = subprocess.run([*map(str, command)], input="\n".join(json.dumps(text) for text in texts), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{directory}: print_ids ended with {done.returncode}:\n{done.stderr}")
    about, *lines = done.stdout.splitlines()
    return json.loads(about), [[int(number) for number in line.split()] for line in lines]


def differing(made, found, texts):
    expected = [encoding.ids for encoding in made.encode_batch(texts, add_special_tokens=False)]
    return [i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b], expected


def show(made, text, expected, found):
    print(f"    {text!r}\n      {[made.id_to_token(i) for i in expected]}\n      {[made.id_to_token(i) for i in found]}")


def check_saved(binary, directory, saved, texts, about, found):
    """What we have saved, read by AutoTokenizer and by us."""
    (saved / "config.json").write_text(json.dumps({"model_type": "bert"}))
    auto = transformers.AutoTokenizer.from_pretrained(str(saved))
    bad = [i for i, text in enumerate(texts) if auto(text)["input_ids"] != [about["cls"], *found[i], about["sep"]]]
    again = ours(binary, saved, texts)
    return len(bad) + (again != (about, found))


def check(name, binary, directory, real, noise, verbose):
    made = reference(directory, FRAME)
    saved = directory / "saved"
    saved.mkdir()
    about, found = ours(binary, directory, real + noise, saved)
    wrong_real, expected = differing(made, found[:len(real)], real)
    wrong_noise, expected_noise = differing(made, found[len(real):], noise)
    for i in wrong_real[:verbose]:
        show(made, real[i], expected[i], found[i])
    for i in wrong_noise[:verbose]:
        show(made, noise[i], expected_noise[i], found[len(real) + i])
    sample = [i for i in range(0, len(real), max(1, len(real) // 200)) if not any(token in real[i] for token in FRAME)]
    wrong_saved = check_saved(binary, directory, saved, [real[i] for i in sample], about, [found[i] for i in sample])
    failed = wrong_real or wrong_saved or wrong_noise
    print(f"{'FAILED' if failed else 'ok'}: {name}: {len(wrong_real)} of {len(real)} lines of text differ, {len(wrong_noise)} of "
          f"{len(noise)} of random Unicode; saved and read again: {wrong_saved} of {len(sample)} differ", flush=True)
    return bool(failed)


# Directories without tokenizer.json, and one that contradicts itself


def bert_files(files):
    def make(texts, directory):
        vocab = wordpiece_vocab(texts, BERT_SPECIAL, True)
        size = len(vocab)
        (directory / "vocab.txt").write_text("".join(f"{token}\n" for token in sorted(vocab, key=vocab.get)), encoding="utf-8")
        for name, content in files(size).items():
            (directory / name).write_text(json.dumps(content), encoding="utf-8")
    return make


def added(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": True, "special": False, **flags}


def roberta_files(texts, directory):
    model = byte_level_bpe(texts, ROBERTA_SPECIAL)
    (directory / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    merges = "".join(" ".join(merge) + "\n" for merge in model["merges"])
    (directory / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")
    (directory / "added_tokens.json").write_text(json.dumps({"<url>": len(model["vocab"])}))


def mpnet_files(texts, directory):
    mpnet(texts, directory)
    vocab = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (directory / "vocab.txt").write_text("".join(f"{token}\n" for token in sorted(vocab, key=vocab.get)), encoding="utf-8")
    (directory / "tokenizer.json").unlink()


def deberta_files(texts, directory):
    deberta(texts, directory)
    (directory / "made.model").rename(directory / "spm.model")
    (directory / "tokenizer.json").unlink()


DIRECTORIES = {  # name: (model_type, what makes it)
    "vocab.txt alone": ("bert", bert_files(lambda size: {})),
    "vocab.txt and added_tokens.json": ("bert", bert_files(lambda size: {"added_tokens.json": {"<url>": size, "USER": size + 1}})),
    "vocab.txt and added_tokens_decoder": ("bert", bert_files(lambda size: {"tokenizer_config.json": {
        "tokenizer_class": "BertTokenizer", "added_tokens_decoder": {
            str(size): added("<url>", special=True, normalized=False), str(size + 1): added("USER", single_word=True, lstrip=True)}}})),
    "vocab.txt and special_tokens_map.json": ("bert", bert_files(lambda size: {"special_tokens_map.json": {
        "cls_token": added("[CLS]"), "additional_special_tokens": ["<url>", "USER"]}})),
    "vocab.json and merges.txt": ("roberta", roberta_files),
    "MPNet's vocab.txt": ("mpnet", mpnet_files),
    "spm.model": ("deberta-v2", deberta_files),
}


# Lines of 2,000 that may differ: transformers 5 has a normalizer of its own for spm.model, we have the model's.
MAY_DIFFER = {"spm.model": 20}


def check_directory(name, model_type, binary, directory, texts):
    """AutoTokenizer on the directory, we on it, and both on what we have saved."""
    saved = directory / "saved"
    saved.mkdir()
    about, found = ours(binary, directory, texts, saved)

    def differ(folder):
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        auto = transformers.AutoTokenizer.from_pretrained(str(folder))
        return sum(auto(text)["input_ids"] != [about["cls"], *ids, about["sep"]] for text, ids in zip(texts, found, strict=True))

    wrong = [differ(directory), differ(saved), int(ours(binary, saved, texts) != (about, found))]
    failed = max(wrong) > MAY_DIFFER.get(name, 0)
    print(f"{'FAILED' if failed else 'ok'}: {name}: of {len(texts)} lines {wrong[0]} differ from AutoTokenizer, "
          f"{wrong[1]} once saved by us", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("print_ids")
    parser.add_argument("--texts", type=pathlib.Path, default=os.environ.get("GLUE_DIR") or None)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--random", type=int, default=20_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=0, help="differing lines to show")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    real = texts_of(pathlib.Path(options.texts)) if options.texts else made_up_texts(options.lines)
    random.Random(3).shuffle(real)
    real = real[:options.lines]
    noise = random_unicode(options.random)
    print(f"{len(real)} lines of {'text' if options.texts else 'made-up text'}, {len(noise)} of random Unicode; tokenizers "
          f"{tokenizers.__version__}, transformers {transformers.__version__}, Unicode {unicodedata.unidata_version} in Python")
    failures = 0
    for name, make in FAMILIES.items():
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            directory = pathlib.Path(folder)
            make(real[:TRAIN_LINES], directory)
            failures += check(name, options.print_ids, directory, real, noise, options.show)
    sample = [text + " <url>x <url> USER" for text in real[:2000] if not any(token in text for token in FRAME)]
    for name, (model_type, make) in DIRECTORIES.items():
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            make(real[:TRAIN_LINES], pathlib.Path(folder))
            failures += check_directory(name, model_type, options.print_ids, pathlib.Path(folder), sample)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
