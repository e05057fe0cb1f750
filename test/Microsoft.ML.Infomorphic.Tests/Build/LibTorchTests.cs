using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Build;

[TestClass]
public class LibTorchTests
{
    [TestMethod]
    public void The_libtorch_of_the_application_multiplies_matrices()
    {
        using torch.Tensor a = torch.tensor(new float[] { 1, 2, 3, 4 }, 2, 2);
        using torch.Tensor b = torch.tensor(new float[] { 5, 6, 7, 8 }, 2, 2);
        using torch.Tensor product = a.matmul(b);

        CollectionAssert.AreEqual(new float[] { 19, 22, 43, 50 }, product.data<float>().ToArray());
    }
}
