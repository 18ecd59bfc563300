"""PyTorch on the CPU, as a peer: does the jobs that it is told on standard input, and times them here, so that what
passes between the processes costs nothing."""

import json
import math
import sys
import time

import torch


def attention_scores(inputs, job):
    logits = inputs["q"] @ inputs["k"].transpose(1, 2) / math.sqrt(job["D"])
    return {"scores": logits.softmax(-1).sum((0, 1))}


def attention(inputs, job):
    logits = inputs["q"] @ inputs["k"].transpose(1, 2) / math.sqrt(job["D"])
    return {"output": logits.softmax(-1) @ inputs["v"]}


def match_and_merge(inputs, job):
    """Token Merging of alternate tokens (Bolya et al., 2023), from its description."""
    r = job["r"]
    metric = torch.nn.functional.normalize(inputs["metric"], dim=-1)
    similarity = metric[:, 0::2] @ metric[:, 1::2].transpose(1, 2)
    best, destination = similarity.max(-1)
    if job["classToken"]:
        best[:, 0] = -math.inf
    order = best.argsort(-1, descending=True)
    merged, survivors = order[:, :r], order[:, r:]
    if job["classToken"]:
        survivors = survivors.sort(-1).values
    target = destination.gather(1, merged)

    def merge(x):
        sources, destinations = x[:, 0::2], x[:, 1::2]
        rows = lambda index: index.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        sums = destinations.scatter_add(1, rows(target), sources.gather(1, rows(merged)))
        return torch.cat([sources.gather(1, rows(survivors)), sums], 1)

    sizes = merge(torch.ones(job["B"], job["N"], 1))
    return {"tokens": merge(inputs["x"]) / sizes, "sizes": sizes}


def top_k(inputs, job):
    values, indices = inputs["x"].topk(job["k"], sorted=job["sorted"])
    return {"values": values, "indices": indices.float()}


JOBS = {
    "attentionScores": attention_scores,
    "attention": attention,
    "matchAndMerge": match_and_merge,
    "topK": top_k,
}


def main():
    task = json.loads(sys.stdin.readline())
    torch.set_num_threads(task["threads"])
    torch.set_grad_enabled(False)
    job = task["job"]
    call = JOBS[job["kind"]]
    sets = []
    for files in task["inputs"]:
        read = lambda file, dims: torch.frombuffer(bytearray(open(file, "rb").read()), dtype=torch.float32).view(dims)
        sets.append({name: read(file, dims) for name, (file, dims) in files.items()})
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        command, index = line.split()
        start = time.perf_counter()
        outputs = call(sets[int(index)], job)
        milliseconds = (time.perf_counter() - start) * 1e3
        answer = {"milliseconds": milliseconds}
        if command == "outputs":
            answer["outputs"] = {}
            for name, value in outputs.items():
                answer["outputs"][name] = f"{task['folder']}/{name}"
                open(answer["outputs"][name], "wb").write(value.contiguous().numpy().tobytes())
        print(json.dumps(answer), flush=True)


main()
