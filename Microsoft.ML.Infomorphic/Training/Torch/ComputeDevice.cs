using System.Globalization;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>Where a network is trained.</summary>
/// <param name="CudaIndex">The index of a CUDA device, from 0; null for the CPU.</param>
public readonly record struct ComputeDevice(int? CudaIndex)
{
    /// <summary>The CPU.</summary>
    public static ComputeDevice Cpu => new(null);

    /// <summary>Whether this is a CUDA device.</summary>
    public bool IsCuda => CudaIndex is not null;

    /// <summary>Reads "cpu", "cuda" (device 0) or "cuda:" and an index.</summary>
    /// <param name="text">The text.</param>
    /// <param name="device">The device, where the text names one.</param>
    /// <returns>Whether it does.</returns>
    public static bool TryParse(string? text, out ComputeDevice device)
    {
        device = Cpu;
        switch (text)
        {
            case "cpu":
                return true;
            case "cuda":
                device = new ComputeDevice(0);
                return true;
        }

        const string Prefix = "cuda:";
        if (
            text is null
            || !text.StartsWith(Prefix, StringComparison.Ordinal)
            || !int.TryParse(text.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
        )
            return false;
        device = new ComputeDevice(index);
        return true;
    }

    /// <summary>"cpu", or "cuda:" and the index.</summary>
    public override string ToString() =>
        CudaIndex is int index ? string.Create(CultureInfo.InvariantCulture, $"cuda:{index}") : "cpu";
}
