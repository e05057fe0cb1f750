using Microsoft.ML.Infomorphic.Kernels;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// The random numbers that the neurons of a layer fire by in training: the same for all networks where all have one seed, else
/// each network's own.
/// </summary>
/// <param name="firstNeuron">Number of neurons in all layers below.</param>
/// <param name="neurons">Number of neurons of the layer.</param>
/// <param name="samples">Samples of the largest batch.</param>
/// <param name="counters">Counters of a step.</param>
/// <param name="presentations">Those of them that the layer draws by: the first, and the last.</param>
/// <param name="seeds">The seed of each network.</param>
/// <param name="device">The device.</param>
internal sealed class TensorDraws(
    int firstNeuron,
    int neurons,
    int samples,
    int counters,
    (int First, int Last) presentations,
    IEnumerable<ulong> seeds,
    Device device
) : IDisposable
{
    // Numbers that are made at once.
    private const long NumbersAtOnce = 1L << 25;
    private const int StepsAtOnce = 32;

    private readonly int _quarter = (samples + 3) / 4;
    private readonly List<ulong> _seeds = [.. seeds];
    private readonly Tensor _fires = tensor([1f], device: device);
    private readonly Tensor _rests = tensor([-1f], device: device);

    // log u/(1 − u) of the uniform numbers u: u < θ where it is below log θ/(1 − θ).
    private Tensor? _thresholds;
    private long _firstStep;

    private int Presentations => presentations.Last - presentations.First + 1;

    private long Steps =>
        Math.Clamp(NumbersAtOnce / (4L * Presentations * _quarter * neurons * DrawnSeeds.Length), 1, StepsAtOnce);

    private ulong[] DrawnSeeds => _seeds.TrueForAll(seed => seed == _seeds[0]) ? [_seeds[0]] : [.. _seeds];

    /// <summary>Outputs ±1, by the numbers that <see cref="Philox.Sample"/> compares θ with.</summary>
    /// <param name="potential">log θ/(1 − θ), networks × neurons × samples.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="presentation">The presentation.</param>
    /// <returns>Networks × neurons × samples.</returns>
    public Tensor Sample(Tensor potential, long step, int presentation)
    {
        if (_thresholds is null || step < _firstStep || step >= _firstStep + Steps)
            Draw(step);
        long count = potential.shape[^1];
        Tensor thresholds = _thresholds!
            [(step - _firstStep) * Presentations + presentation - presentations.First]
            .narrow(-1, 0, (count + 3) / 4)
            .flatten(-2)
            .narrow(-1, 0, count);
        return where(thresholds.lt(potential), _fires, _rests);
    }

    /// <summary>Takes a network out.</summary>
    public void Remove(int network)
    {
        _seeds.RemoveAt(network);
        _thresholds?.Dispose();
        _thresholds = null;
    }

    public void Dispose()
    {
        _fires.Dispose();
        _rests.Dispose();
        _thresholds?.Dispose();
    }

    private void Draw(long step)
    {
        using var scope = NewDisposeScope();
        _thresholds?.Dispose();
        _firstStep = step;
        Tensor ofSteps = arange(
                HeldScalar.Of(step * counters),
                HeldScalar.Of((step + Steps) * counters),
                HeldScalar.Of(counters),
                int64,
                device
            )
            .unsqueeze(-1);
        Tensor ofPresentations = arange(
            HeldScalar.Of(presentations.First),
            HeldScalar.Of(presentations.Last + 1),
            HeldScalar.One,
            int64,
            device
        );
        Tensor of = ofSteps.add(ofPresentations, HeldScalar.One).view(-1);
        Tensor[] drawn =
        [
            .. DrawnSeeds.Select(seed => TensorPhilox.Uniform(of, firstNeuron, neurons, _quarter, seed, device)),
        ];
        _thresholds = (drawn.Length == 1 ? drawn[0].unsqueeze(1) : stack(drawn, dim: 1))
            .logit_()
            .DetachFromDisposeScope();
    }
}
