// The whole program of build/check-package.sh: what somebody writes who has just installed the package.
using Microsoft.ML.Infomorphic.Learning;
using TorchSharp;

Console.WriteLine(Binning.PaperOutputLayer);
using torch.Tensor a = torch.tensor(new float[] { 1, 2, 3, 4 }, 2, 2);
using torch.Tensor b = torch.tensor(new float[] { 5, 6, 7, 8 }, 2, 2);
using torch.Tensor product = a.matmul(b);
float[] values = product.data<float>().ToArray();
if (!values.SequenceEqual([19, 22, 43, 50]))
    throw new InvalidOperationException($"The product is [{string.Join(", ", values)}].");

Console.WriteLine("The package works.");
