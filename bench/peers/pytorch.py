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


def gather_tokens(inputs, job):
    return {"tokens": inputs["x"].index_select(0, inputs["indices"])}


def merge_tokens(inputs, job):
    sums = lambda x: torch.zeros(job["M"], x.shape[1]).index_add_(0, inputs["indices"], x)
    return {"tokens": sums(inputs["x"]) / sums(torch.ones(job["N"], 1))}


JOBS = {
    "attentionScores": attention_scores,
    "attention": attention,
    "matchAndMerge": match_and_merge,
    "topK": top_k,
    "gatherTokens": gather_tokens,
    "mergeTokens": merge_tokens,
    "restoreTokens": gather_tokens,
}


def read(name, file, dims):
    """An input: indices are of the type that PyTorch indexes by."""
    dtype = torch.int32 if name == "indices" else torch.float32
    tensor = torch.frombuffer(bytearray(open(file, "rb").read()), dtype=dtype).view(dims)
    return tensor.long() if name == "indices" else tensor


def prepare(task):
    """The call on the i-th inputs."""
    torch.set_num_threads(task["threads"])
    job = task["job"]
    call = JOBS[job["kind"]]
    sets = [{name: read(name, *given) for name, given in files.items()} for files in task["inputs"]]
    return lambda i: call(sets[i], job)


def timed(call, i, folder):
    """Times a call, and writes its outputs into the folder if there is one."""
    start = time.perf_counter()
    outputs = call(i)
    answer = {"milliseconds": (time.perf_counter() - start) * 1e3}
    if folder is not None:
        answer["outputs"] = {name: f"{folder}/{name}" for name in outputs}
        for name, value in outputs.items():
            with open(answer["outputs"][name], "wb") as file:
                file.write(value.contiguous().numpy().tobytes())
    return answer


def main():
    torch.set_grad_enabled(False)
    call = None
    for line in sys.stdin:
        request = json.loads(line)
        if "job" in request:
            call = prepare(request)
            answer = {}
        else:
            answer = timed(call, request["time"], request.get("folder"))
        print(json.dumps(answer), flush=True)


main()
