namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>The native libtorch that an application brings.</summary>
public static class TorchRuntime
{
    /// <summary>Loads libtorch.</summary>
    /// <exception cref="InvalidOperationException">The application has none, or it does not load.</exception>
    public static void EnsureLoaded() => throw new NotImplementedException();

    /// <summary>Number of CUDA devices that libtorch can use; 0 where it is a CPU build.</summary>
    /// <exception cref="InvalidOperationException">The application has no libtorch, or it does not load.</exception>
    public static int CudaDeviceCount => throw new NotImplementedException();
}
