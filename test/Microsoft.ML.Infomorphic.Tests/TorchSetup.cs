using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests;

/// <summary>
/// Loads libtorch as training does, before any test makes a tensor: what makes its matrix products independent of the
/// number of threads is read once, when it is loaded.
/// </summary>
[TestClass]
public class TorchSetup
{
    [AssemblyInitialize]
    public static void Load(TestContext _) => TorchRuntime.EnsureLoaded();
}
