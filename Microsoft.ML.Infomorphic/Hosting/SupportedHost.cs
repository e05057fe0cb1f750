using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Says in one sentence that the ML.NET at hand is not one that this library can work with. The library uses members
/// that ML.NET does not publish, and they may move in a version that it does not know.
/// </summary>
internal static class SupportedHost
{
    /// <summary>The range of versions of the package Microsoft.ML that this library works with.</summary>
    public const string VersionRange = "[5.0.1, 6)";

    private static readonly Lazy<Exception?> Obstacle = new(FindObstacle);

    /// <summary>Compiles everything that touches ML.NET's non-public members, once in a process.</summary>
    /// <exception cref="InvalidOperationException">A member is not where it is expected.</exception>
    public static void ThrowIfUnsupported()
    {
        if (Obstacle.Value is Exception obstacle)
            throw Describe(obstacle);
    }

    /// <summary>Whether an exception says that a member or a type is not where it is expected.</summary>
    /// <param name="exception">The exception.</param>
    public static bool IsObstacle(Exception exception) =>
        exception is MemberAccessException or TypeLoadException or FileLoadException or FileNotFoundException;

    /// <summary>The exception that a user sees.</summary>
    /// <param name="obstacle">What the runtime said.</param>
    public static InvalidOperationException Describe(Exception obstacle)
    {
        string version =
            typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "of an unknown version";
        return new InvalidOperationException(
            $"Microsoft.ML.Infomorphic works with Microsoft.ML {VersionRange}, and Microsoft.ML {version} differs in a "
                + $"member that it needs: {obstacle.Message}",
            obstacle
        );
    }

    private static Exception? FindObstacle()
    {
        try
        {
            CompileMethodsThatTouchTheHost();
            return null;
        }
        catch (Exception exception) when (IsObstacle(exception))
        {
            return exception;
        }
    }

    // Not inlined: a missing type must be met within the try block of the caller.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "ML.NET itself cannot be trimmed.")]
    private static void CompileMethodsThatTouchTheHost()
    {
        Type[] types =
        [
            typeof(InfomorphicTrainer),
            typeof(InfomorphicModelParameters),
            typeof(DataViewReader),
            typeof(DeviceChoice),
            typeof(ModelFile),
            typeof(ModelFormat),
            typeof(MulticlassTransformers),
        ];
        const BindingFlags Declared =
            BindingFlags.Public
            | BindingFlags.NonPublic
            | BindingFlags.Instance
            | BindingFlags.Static
            | BindingFlags.DeclaredOnly;
        foreach (Type type in types)
        {
            foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
                if (!method.IsAbstract && !method.ContainsGenericParameters)
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }
}
