"""A step of the backprop baseline in PyTorch itself: a second witness beside the one in TorchSharp.

The network of BackpropStep: set-up 1, two presentations, outputs 0/1 drawn with probability sigma(A) and differentiated
straight through, the label as context in training; softmax cross-entropy and Adam. Batches are views of resident rows.
"""

import argparse
import json
import statistics
import time

import torch

ALPHA, BETA = 0.1, 2.0
FEATURES, CLASSES, BATCH, ROWS = 784, 10, 1024, 48 * 1024


class Network(torch.nn.Module):
    def __init__(self, hidden, lateral):
        super().__init__()
        self.f = torch.nn.Linear(FEATURES, hidden)
        self.c = torch.nn.Linear(CLASSES, hidden)
        self.l = torch.nn.Linear(hidden, hidden)
        self.out = torch.nn.Linear(hidden, CLASSES)
        mask = torch.ones(hidden, hidden)
        if lateral < hidden:
            mask = torch.zeros(hidden, hidden).scatter_(1, torch.rand(hidden, hidden).topk(lateral).indices, 1.0)
        mask.fill_diagonal_(0)
        self.register_buffer("mask", mask)
        with torch.no_grad():
            self.l.weight.mul_(mask)
        self.l.weight.register_hook(lambda gradient: gradient * self.mask)

    def forward(self, x, context):
        f, c = self.f(x), self.c(context)
        shared = (1 - 2 * ALPHA) + ALPHA * torch.sigmoid(BETA * f * c)

        def fire(lateral):
            theta = torch.sigmoid(f * (shared + ALPHA * torch.sigmoid(BETA * f * lateral)))
            sample = (torch.rand_like(theta) < theta).float()
            return theta + (sample - theta).detach()

        first = fire(self.l.bias)
        second = fire(self.l(first))
        return torch.sigmoid(self.out(second))


def measure(hidden, device):
    torch.manual_seed(1)
    network = Network(hidden, hidden if hidden <= 500 else 100).to(device)
    optimiser = torch.optim.Adam(network.parameters(), 0.001, fused=device.startswith("cuda"))
    rows = torch.randn(ROWS, FEATURES, device=device)
    labels = torch.randint(CLASSES, (ROWS,), device=device)
    contexts = torch.nn.functional.one_hot(labels, CLASSES).float()
    times = []
    for step in range(120):
        start = step * BATCH % (ROWS - BATCH)
        part = slice(start, start + BATCH)
        begin = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(network(rows[part], contexts[part]), labels[part])
        loss.backward()
        optimiser.step()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - begin))
    return {"hidden": hidden, "milliseconds": round(statistics.median(times[20:]), 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--hidden", type=int, nargs="+", default=[100])
    parser.add_argument("--report", required=True)
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    cases = [measure(hidden, arguments.device) for hidden in arguments.hidden]
    with open(arguments.report, "w", encoding="utf-8") as report:
        json.dump({"command": "pytorch", "torch": torch.__version__, "cases": cases}, report, indent=2)
    for case in cases:
        print(f"N = {case['hidden']}: {case['milliseconds']} ms a step")


if __name__ == "__main__":
    main()
