using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>The parts of a training step.</summary>
internal enum StepPart
{
    /// <summary>Copying and standardising the rows of the batch.</summary>
    Gathering,

    /// <summary>Products of weights, inputs and gradients.</summary>
    Products,

    /// <summary>Activation, sampling, binning, the goal and its derivative.</summary>
    Kernel,

    /// <summary>The optimiser.</summary>
    Optimizer,
}

/// <summary>Where the time of training steps goes, summed over steps.</summary>
internal sealed class StepTimings
{
    private readonly long[] _ticks = new long[Enum.GetValues<StepPart>().Length];
    private long _last;

    /// <summary>Seconds spent in a part since the last <see cref="Reset"/>.</summary>
    public double Seconds(StepPart part) => _ticks[(int)part] / (double)Stopwatch.Frequency;

    /// <summary>Forgets all times.</summary>
    public void Reset() => Array.Clear(_ticks);

    /// <summary>A step begins.</summary>
    public void Start() => _last = Stopwatch.GetTimestamp();

    /// <summary>A part ends; the next begins.</summary>
    public void Add(StepPart part)
    {
        long now = Stopwatch.GetTimestamp();
        _ticks[(int)part] += now - _last;
        _last = now;
    }
}
