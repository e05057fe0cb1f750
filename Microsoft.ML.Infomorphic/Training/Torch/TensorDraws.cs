using Microsoft.ML.Infomorphic.Kernels;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>The random numbers that the neurons of a layer fire by in training; the networks of a group have the same.</summary>
/// <param name="firstNeuron">Number of neurons in all layers below.</param>
/// <param name="neurons">Number of neurons of the layer.</param>
/// <param name="samples">Samples of the largest batch.</param>
/// <param name="counters">Counters of a step.</param>
/// <param name="presentations">Those of them that the layer draws by: the first, and the last.</param>
/// <param name="seed">The seed.</param>
/// <param name="device">The device.</param>
internal sealed class TensorDraws(
    int firstNeuron,
    int neurons,
    int samples,
    int counters,
    (int First, int Last) presentations,
    ulong seed,
    Device device
) : IDisposable
{
    // Numbers that are made at once.
    private const long NumbersAtOnce = 1L << 25;
    private const int StepsAtOnce = 32;

    private readonly int _quarter = (samples + 3) / 4;
    private readonly Tensor _fires = tensor([1f], device: device);
    private readonly Tensor _rests = tensor([-1f], device: device);

    // log u/(1 − u) of the uniform numbers u: u < θ where it is below log θ/(1 − θ).
    private Tensor? _thresholds;
    private long _firstStep;

    private int Presentations => presentations.Last - presentations.First + 1;

    private long Steps => Math.Clamp(NumbersAtOnce / (4L * Presentations * _quarter * neurons), 1, StepsAtOnce);

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
            .reshape(neurons, -1)
            .narrow(-1, 0, count);
        return where(thresholds.lt(potential), _fires, _rests);
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
        Tensor ofSteps = arange(step * counters, (step + Steps) * counters, counters, int64, device).unsqueeze(-1);
        Tensor ofPresentations = arange(presentations.First, presentations.Last + 1, int64, device);
        _thresholds = TensorPhilox
            .Uniform((ofSteps + ofPresentations).view(-1), firstNeuron, neurons, _quarter, seed, device)
            .logit_()
            .DetachFromDisposeScope();
    }
}
